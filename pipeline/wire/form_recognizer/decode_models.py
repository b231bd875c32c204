"""Models as Form Recognizer v2 describes them -> `ServiceModel`: as they are got, listed, and as the
feedback loop tells a finished training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pipeline.remote import ServiceFault, ServiceModel, ServiceModelState, TrainedDocument
from pipeline.types import FieldSpec
from pipeline.wire.form_recognizer.decode_faults import fault, faults
from pipeline.wire.stamps import stamp

Json = Mapping[str, Any]

_ENDED: Mapping[str, ServiceModelState] = {
    "ready": "ready",
    "succeeded": "ready",
    "success": "ready",
    "invalid": "invalid",
    "failed": "invalid",
}
_DOCUMENTS: Mapping[str, Literal["succeeded", "partiallySucceeded", "failed"]] = {
    "succeeded": "succeeded",
    "success": "succeeded",
    "partiallysucceeded": "partiallySucceeded",
}


def read_model(body: Json) -> ServiceModel:
    """A model in the answer to Get Custom Model, or of the feedback loop's training operation."""
    info = body.get("modelInfo") or body
    trained = body.get("trainResult") or {}
    components = body.get("composedTrainResults") or ()
    results = [trained, *components]
    told = faults(body.get("errors")) + ((fault(body),) if body.get("error") else ())
    return _described(
        info,
        model_id=info.get("modelId") or trained.get("modelId"),
        components=tuple(str(item["modelId"]) for item in components if item.get("modelId")),
        results=results,
        keys=_keys(body.get("keys")),
        told=told,
    )


def listed_model(info: Json) -> ServiceModel:
    """An entry of a model list."""
    return _described(info, model_id=info.get("modelId"))


def _described(
    info: Json,
    *,
    model_id: object,
    components: tuple[str, ...] = (),
    results: Iterable[Json] = (),
    keys: tuple[str, ...] = (),
    told: tuple[ServiceFault, ...] = (),
) -> ServiceModel:
    results = list(results)
    accuracies = _accuracies(results)
    return ServiceModel(
        model_id=str(model_id or ""),
        state=_state(info.get("status")),
        name=str(info.get("modelName") or ""),
        created_at=stamp(info.get("createdDateTime")),
        updated_at=stamp(info.get("lastUpdatedDateTime")),
        composed=bool((info.get("attributes") or {}).get("isComposed")) or bool(components),
        components=components,
        fields=tuple(FieldSpec(name) for name, _ in accuracies),
        accuracies=tuple((name, value) for name, value in accuracies if value is not None),
        average_accuracy=_average(results),
        keys=keys,
        documents=tuple(
            _document(item) for result in results for item in result.get("trainingDocuments") or ()
        ),
        faults=told + tuple(one for result in results for one in faults(result.get("errors"))),
    )


def _state(status: object) -> ServiceModelState:
    """What is no end is still in the making; so the services' own clients take it."""
    return _ENDED.get(str(status or "").lower(), "creating")


def _accuracies(results: Iterable[Json]) -> list[tuple[str, float | None]]:
    """The fields with their accuracies; a field of several components has the lowest."""
    lowest: dict[str, float | None] = {}
    for result in results:
        fields = result.get("fields") or (result.get("trainingFields") or {}).get("fields") or ()
        for item in fields:
            name, value = str(item["fieldName"]), item.get("accuracy")
            known = lowest.get(name)
            lowest[name] = value if known is None else known if value is None else min(known, value)
    return list(lowest.items())


def _average(results: Iterable[Json]) -> float | None:
    """The mean over the components of a composed model, which are one for every other."""
    told = [
        result.get("averageModelAccuracy", (result.get("trainingFields") or {}).get("averageModelAccuracy"))
        for result in results
    ]
    values = [float(value) for value in told if value is not None]
    return sum(values) / len(values) if values else None


def _keys(body: Json | None) -> tuple[str, ...]:
    """The keys of all clusters, each once; the 2019 preview has the clusters without `clusters`."""
    clusters = (body or {}).get("clusters", body) or {}
    return tuple(dict.fromkeys(str(key) for keys in clusters.values() for key in keys or ()))


def _document(item: Json) -> TrainedDocument:
    told = str(item.get("status") or "").lower()
    return TrainedDocument(
        name=str(item.get("documentName") or "").replace("\\", "/"),
        pages=int(item.get("pages") or 0),
        state=_DOCUMENTS.get(told, "failed"),
        faults=faults(item.get("errors")),
    )
