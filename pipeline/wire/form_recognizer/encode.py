"""What Form Recognizer v2 says of models, lists and copies, from records. Which members are present in which
state is what the recorded sessions show (CONTRACTS 2.3, 2.4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from pipeline.remote import ServiceFault, ServiceModel, TrainedDocument
from pipeline.wire.form_recognizer.versions import Version

Json = dict[str, Any]
Shape = Literal["labelled", "unlabelled", "composed", "reserved"]


def stamp(time: datetime | None) -> str:
    """Seconds and `Z`, as models and operations are dated."""
    return (time or datetime(1970, 1, 1, tzinfo=UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def error(fault: ServiceFault) -> Json:
    """The body of a refusal."""
    return {"error": _fault(fault)}


def model_info(model: ServiceModel, shape: Shape, version: Version) -> Json:
    """What a list says of a model. Only v2.1 has attributes, and not for models without labels, nor before
    a training is done."""
    info: Json = {"modelId": model.model_id}
    if version.model_names and model.name:
        info["modelName"] = model.name
    if version.model_names and shape in ("labelled", "composed") and model.state == "ready":
        info["attributes"] = {"isComposed": shape == "composed"}
    return info | {
        "status": model.state,
        "createdDateTime": stamp(model.created_at),
        "lastUpdatedDateTime": stamp(model.updated_at),
    }


def model(
    model: ServiceModel, shape: Shape, version: Version, *, keys: bool, parts: Sequence[ServiceModel] = ()
) -> Json:
    """The whole model. `keys`: with the keys that a training without labels found. `parts`: the models that a
    composed one is made of."""
    body: Json = {"modelInfo": model_info(model, shape, version)}
    if model.state == "creating":
        return body
    if model.state == "invalid":
        faults = [_fault(fault) for fault in model.faults]
        return body | {"keys": {"clusters": {}}, "trainResult": {"trainingDocuments": [], "errors": faults}}
    if shape == "composed":
        return body | {"composedTrainResults": [_part(part) for part in parts]}
    if shape == "unlabelled":
        found: Json = {"keys": _keys(model, version)} if keys else {}
        return body | found | {"trainResult": _unlabelled(model)}
    return body | {"trainResult": _labelled(model)}


def models_page(infos: Sequence[Json], next_link: str) -> Json:
    """A page of the full list; the last has an empty link."""
    return {"modelList": list(infos), "nextLink": next_link}


def summary(count: int, limit: int, now: datetime) -> Json:
    return {"summary": {"count": count, "limit": limit, "lastUpdatedDateTime": stamp(now)}}


def copy_authorization(model_id: str, token: str, expires: datetime) -> Json:
    """The expiry is in whole seconds, whatever its name says."""
    return {"modelId": model_id, "accessToken": token, "expirationDateTimeTicks": int(expires.timestamp())}


def copy_state(
    state: str,
    created: datetime,
    updated: datetime,
    model_id: str,
    fault: ServiceFault | None = None,
    *,
    request_id: str = "",
) -> Json:
    """A copy tells its target from the beginning. `fault`: why it failed, `request_id` in which request."""
    time = _fine if state in ("succeeded", "failed") else stamp
    result: Json = {"modelId": model_id}
    if fault is not None:
        result["errors"] = [_fault(fault) | {"innerError": {"requestId": request_id}}]
    return {
        "status": state,
        "createdDateTime": time(created),
        "lastUpdatedDateTime": time(updated),
        "copyResult": result,
    }


def _keys(model: ServiceModel, version: Version) -> Json:
    """The 2019 preview has the clusters without `clusters`."""
    clusters = {"0": sorted(model.keys)}
    return clusters if version.feedback_loop else {"clusters": clusters}


def _labelled(model: ServiceModel) -> Json:
    return {
        "averageModelAccuracy": model.average_accuracy or 0.0,
        "trainingDocuments": [_document(document, False) for document in model.documents],
        "fields": [{"fieldName": name, "accuracy": accuracy} for name, accuracy in model.accuracies],
        "errors": [],
    }


def _part(model: ServiceModel) -> Json:
    told = _labelled(model)
    return {name: told[name] for name in ("averageModelAccuracy", "trainingDocuments", "fields")} | {
        "modelId": model.model_id,
        "errors": told["errors"],
    }


def _unlabelled(model: ServiceModel) -> Json:
    return {"trainingDocuments": [_document(document, True) for document in model.documents], "errors": []}


def _document(document: TrainedDocument, errors: bool) -> Json:
    """Documents of a training without labels carry an empty list of errors, those of one with labels none."""
    body: Json = {"documentName": document.name, "pages": document.pages}
    if errors or document.faults:
        body["errors"] = [_fault(fault) for fault in document.faults]
    return body | {"status": document.state}


def _fault(fault: ServiceFault) -> Json:
    return {"code": fault.code, "message": fault.message}


def _fine(time: datetime) -> str:
    """Copies that ended are dated to a tenth of a microsecond."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
