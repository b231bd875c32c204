"""Document Intelligence: models are built, composed, copied, listed and deleted (CONTRACTS 3.1, 3.2).
`neural` builds train the same learner as `template` ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Literal, cast

from pydantic import TypeAdapter
from starlette.responses import Response

from pipeline.emulator.container import SignedContainer
from pipeline.emulator.document_intelligence_routing import (
    ENGINE,
    FAMILY,
    MODELS,
    PREBUILT,
    READERS,
    begun,
    not_found,
    own_models,
    paged,
    require_new,
    routes,
    stored_model,
    url_of,
)
from pipeline.emulator.routing import Call, answer
from pipeline.emulator.service import EmulatorService, Training
from pipeline.emulator.sorting import SortedKind, Sorting, write_sorting
from pipeline.emulator.store import StoredModel
from pipeline.errors import FormpipeError
from pipeline.remote import ContainerLink, ServiceFault, ServiceModel, TrainingRequest
from pipeline.services import load_services
from pipeline.wire.document_intelligence import encode
from pipeline.wire.document_intelligence.encode import DocumentType, ModelNotes
from pipeline.wire.document_intelligence.server_refusals import BadRequestError
from pipeline.wire.document_intelligence.server_requests import (
    BuildRequest,
    ComponentRequest,
    ComposeRequest,
    read_build,
    read_compose,
    read_named,
    read_object,
)
from pipeline.wire.document_intelligence.server_sources import BlobSource
from pipeline.wire.document_intelligence.versions import Version

_LIFETIME = timedelta(days=730)
_TOKEN_LIFETIME = timedelta(hours=1)
_TYPES: TypeAdapter[tuple[DocumentType, ...]] = TypeAdapter(tuple[DocumentType, ...])
_DESCRIPTIONS = {
    "prebuilt-layout": "Extract text and layout information from documents.",
    "prebuilt-read": "Extract text from documents.",
}


# --- build ------------------------------------------------------------------------------------------


def build(version: Version, call: Call, service: EmulatorService) -> Response:
    asked = read_build(call.json(), version)
    name = asked.named.model_id
    require_new(call, service, name, overwrite=asked.overwrite and version.model_extras)
    _require_neural_builds(version, call, service, asked)
    request = TrainingRequest(
        name,
        ContainerLink("source", asked.source.url),
        asked.source.prefix,
        include_subfolders=True,
        mode=asked.mode,
        description=asked.named.description,
    )
    details = {
        "mode": asked.mode,
        "type": name,
        "tags": asked.named.tags,
        "source": asked.source.told.get("azureBlobSource", {}),
    }
    training = Training(call.resource, name, request, FAMILY, version.name, listed(asked.source), details)
    return begun(version, call, service.start_training(training))


def _require_neural_builds(
    version: Version, call: Call, service: EmulatorService, asked: BuildRequest
) -> None:
    """Raises BadRequestError when this month's are used up, where they are limited and limits count."""
    limited = version.neural_builds and asked.mode == "neural" and not service.options.unlimited
    if limited and neural_builds(call, service) >= encode.NEURAL_BUILDS:
        message = f"No more than {encode.NEURAL_BUILDS} neural models can be built in a month."
        raise BadRequestError(ServiceFault("DocumentModelLimitNeural", message))


def neural_builds(call: Call, service: EmulatorService) -> int:
    """Those of this month in a resource that came to something."""
    month = (service.now.year, service.now.month)
    return sum(
        job.kind == "train"
        and job.resource == call.resource
        and job.details.get("mode") == "neural"
        and job.state != "failed"
        and (job.created.year, job.created.month) == month
        for job in service.store.jobs()
    )


def listed(source: BlobSource) -> tuple[str, ...] | None:
    """The paths in a file list, whose lines are `{"file": ...}`; None where there is no such list. Raises
    BadRequestError."""
    if not source.file_list:
        return None
    try:
        content = SignedContainer(source.url).read("", source.file_list)
        return tuple(str(json.loads(line)["file"]) for line in content.decode().splitlines() if line.strip())
    except (FormpipeError, ValueError, KeyError, TypeError):
        message = "Content is not accessible: the file list cannot be read."
        raise BadRequestError(ServiceFault("ContentSourceNotAccessible", message)) from None


# --- compose ----------------------------------------------------------------------------------------


def compose(version: Version, call: Call, service: EmulatorService) -> Response:
    asked = read_compose(call.json(), version)
    named = asked.named
    limit = load_services()[ENGINE].versions[version.name].compose_limit or service.tier(ENGINE).compose
    if len(asked.components) > (limit if service.options.tier != "F0" else service.tier(ENGINE).compose):
        message = f"The number of component models is greater than {limit}."
        raise BadRequestError(ServiceFault("DocumentModelLimitComposed", message))
    shapes = ("labelled",) if version.classifier_compose else ("labelled", "composed")
    parts = [stored_model(call, service, each.model_id, *shapes) for each in asked.components]
    require_new(call, service, named.model_id)
    details = {"tags": named.tags, "types": write_types(_types(asked, parts))}
    if asked.classifier_id:
        details |= _sorted_by(asked, stored_model(call, service, asked.classifier_id, "classifier"))
    model = ServiceModel(named.model_id, description=named.description, api_version=version.name)
    return begun(version, call, service.compose(call.resource, FAMILY, model, parts, details))


def _sorted_by(asked: ComposeRequest, classifier: StoredModel) -> dict[str, object]:
    kinds = {each.kind: _sorted_kind(each) for each in asked.components}
    sorting = Sorting(next(iter(classifier.bundles.values())), asked.split, kinds)
    return {"classifier": asked.classifier_id, "split": asked.split, "sorting": write_sorting(sorting)}


def _sorted_kind(component: ComponentRequest) -> SortedKind:
    told = component.options
    return SortedKind(
        component.model_id, float(told.get("confidenceThreshold", 0.0)), told.get("maxDocumentsToAnalyze")
    )


def _types(asked: ComposeRequest, parts: Sequence[StoredModel]) -> tuple[DocumentType, ...]:
    """Those of the components, or in 4.0 the classes that they are named by. A copy, whose type has the name
    of what it is a copy of, is known by its own id beside that."""
    found: dict[str, DocumentType] = {}
    for component, stored in zip(asked.components, parts, strict=True):
        for kind in types_of(stored):
            own = kind.model_id or stored.model.model_id
            name = component.kind or (kind.name if kind.name not in found else own)
            found[name] = replace(kind, name=name, model_id=own, options=component.options)
    return tuple(found.values())


def write_types(types: Sequence[DocumentType]) -> object:
    """As JSON; `read_types` reads it."""
    return cast(object, _TYPES.dump_python(tuple(types), mode="json"))


def read_types(told: object) -> tuple[DocumentType, ...]:
    return _TYPES.validate_python(told or ())


# --- copy -------------------------------------------------------------------------------------------


def authorize_copy(version: Version, call: Call, service: EmulatorService) -> Response:
    return _authorized(version, call, service, "Model")


def authorize_classifier_copy(version: Version, call: Call, service: EmulatorService) -> Response:
    return _authorized(version, call, service, "Classifier")


def _authorized(
    version: Version, call: Call, service: EmulatorService, kind: Literal["Model", "Classifier"]
) -> Response:
    named = read_named(call.json(), f"{kind.lower()}Id")
    require_new(call, service, named.model_id)
    token = service.authorize_copy(
        call.resource, FAMILY, named.model_id, version.name, named.description, _TOKEN_LIFETIME
    )
    reserved = service.store.model(call.resource, named.model_id)
    if reserved is not None:
        service.store.put_model(replace(reserved, details={"tags": named.tags}))
    where = url_of(version, call, f"document{kind}s/{named.model_id}")
    until = service.now + _TOKEN_LIFETIME
    return answer(200, encode.copy_authorization(kind, named.model_id, where, token, until))


def copy(version: Version, call: Call, service: EmulatorService) -> Response:
    return _copied(version, call, service, stored_model(call, service, call.path["model"], *MODELS))


def copy_classifier(version: Version, call: Call, service: EmulatorService) -> Response:
    return _copied(version, call, service, stored_model(call, service, call.path["model"], "classifier"))


def _copied(version: Version, call: Call, service: EmulatorService, stored: StoredModel) -> Response:
    token = read_object(call.json()).get("accessToken")
    return begun(version, call, service.copy(stored, str(token or "")))


# --- get, list, delete ------------------------------------------------------------------------------


def get_model(version: Version, call: Call, service: EmulatorService) -> Response:
    if call.path["model"] in READERS:
        return answer(200, _reader(version, call.path["model"]))
    return answer(200, details_of(version, stored_model(call, service, call.path["model"], *MODELS)))


def details_of(version: Version, stored: StoredModel) -> encode.Json:
    """A model or classifier as it is told in full."""
    told = stored.details
    if stored.shape == "classifier":
        sources, base = told.get("sources", {}), str(told.get("base", ""))
        return encode.classifier_details(dated(stored), version, sources, base)
    notes = ModelNotes(
        tags=told.get("tags", {}),
        mode=str(told.get("mode", "")),
        source=told.get("source", {}),
        classifier=str(told.get("classifier", "")),
        split=str(told.get("split", "")),
    )
    return encode.model_details(dated(stored), version, types_of(stored), notes)


def types_of(stored: StoredModel) -> tuple[DocumentType, ...]:
    """The kinds of documents that a model knows, those of a composed one as they were when it was made."""
    model, told = stored.model, stored.details
    if stored.shape == "composed":
        return read_types(told.get("types"))
    name, mode = str(told.get("type", model.model_id)), str(told.get("mode", "template"))
    return (DocumentType(name, model.fields, model.accuracies, mode),)


def dated(stored: StoredModel) -> ServiceModel:
    """With its end, which models of the older API family do not have."""
    model = stored.model
    if model.expires_at or model.created_at is None or stored.family != FAMILY:
        return model
    return replace(model, expires_at=model.created_at + _LIFETIME)


def _reader(version: Version, name: str) -> encode.Json:
    return encode.model_summary(ServiceModel(name, description=_DESCRIPTIONS[name]), version)


def list_models(version: Version, call: Call, service: EmulatorService) -> Response:
    """The service's own models come first; those of older versions are listed too."""
    readers = [_reader(version, name) for name in READERS]
    own = [
        encode.model_summary(dated(each), version, ModelNotes(tags=each.details.get("tags", {})))
        for each in own_models(call, service)
    ]
    return paged(version, call, [*readers, *own], "documentModels")


def delete_model(version: Version, call: Call, service: EmulatorService) -> Response:
    """A model that came to nothing can be deleted, too."""
    name = call.path["model"]
    if name.startswith(PREBUILT):
        raise BadRequestError(ServiceFault("ModelReadOnly", "The requested model is read-only."))
    stored = service.store.model(call.resource, name)
    if stored is None or stored.shape == "classifier":
        raise not_found()
    service.store.delete_model(call.resource, stored.model.model_id)
    return answer(204)


def info(version: Version, call: Call, service: EmulatorService) -> Response:
    count, limit = len(own_models(call, service)), service.tier(ENGINE).models
    return answer(200, encode.info(version, count, limit, neural_builds(call, service), service.now))


_MODEL = "documentModels/{model}"

ROUTES = [
    *routes(
        ("train", "POST", "documentModels:build", "manage", build),
        ("compose", "POST", "documentModels:compose", "manage", compose),
        ("authorize-copy", "POST", "documentModels:authorizeCopy", "manage", authorize_copy),
        ("copy", "POST", f"{_MODEL}:copyTo", "manage", copy),
        ("list", "GET", "documentModels", "list", list_models),
        ("get-model", "GET", _MODEL, "manage", get_model),
        ("delete-model", "DELETE", _MODEL, "manage", delete_model),
        ("info", "GET", "info", "list", info),
    ),
    *routes(
        (
            "authorize-classifier-copy", "POST", "documentClassifiers:authorizeCopy", "manage",
            authorize_classifier_copy,
        ),
        ("copy-classifier", "POST", "documentClassifiers/{model}:copyTo", "manage", copy_classifier),
        since="2024-11-30",
    ),
]  # fmt: skip
