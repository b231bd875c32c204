"""Document Intelligence 2022-08-31, 2023-07-31 and 2024-11-30: models, documents and administration
(CONTRACTS 3.1). `neural` builds train the same learner as `template` ones."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import cast

from starlette.responses import Response

from pipeline.emulator import form_recognizer_documents
from pipeline.emulator.container import SignedContainer
from pipeline.emulator.routing import Call, Handler, Route, answer
from pipeline.emulator.service import EmulatorService, Training
from pipeline.emulator.store import StoredJob, StoredModel
from pipeline.errors import FormpipeError
from pipeline.remote import (
    BuildMode,
    ContainerLink,
    OperationKind,
    ServiceFault,
    ServiceModel,
    TrainingRequest,
)
from pipeline.rest.limits import OperationClass
from pipeline.wire.document_intelligence import encode, encode_analysis
from pipeline.wire.document_intelligence.server_requests import (
    BadRequestError,
    BlobSource,
    invalid_content,
    read_document,
    read_pages,
    read_parts,
    read_source,
    require_id,
)
from pipeline.wire.document_intelligence.versions import VERSIONS, Version
from pipeline.wire.form_recognizer import server_requests as v2

FAMILY = "v3"
ENGINE = "document-intelligence"
BASES = ("/formrecognizer", "/documentintelligence")
READERS = ("prebuilt-layout", "prebuilt-read")
_KINDS: dict[OperationKind, str] = {
    "train": "documentModelBuild",
    "compose": "documentModelCompose",
    "copy": "documentModelCopyTo",
    "classify": "documentClassifierBuild",
}
_PAGE = 5
_LIFETIME = timedelta(days=730)
_INDEXES = ("textElements", "unicodeCodePoint", "utf16CodeUnit")

Versioned = Callable[[Version, Call, EmulatorService], Response]


def not_found(
    what: str = "ModelNotFound", message: str = "The requested model was not found."
) -> BadRequestError:
    return BadRequestError(ServiceFault(what, message), 404)


def model_of(call: Call, service: EmulatorService, model_id: str, *shapes: str) -> StoredModel:
    """A model that is ready. Raises BadRequestError."""
    stored = service.store.model(call.resource, model_id)
    if stored is None or stored.model.state != "ready" or (shapes and stored.shape not in shapes):
        raise not_found()
    return stored


def begun(version: Version, call: Call, job: StoredJob) -> Response:
    """The operation that was begun; 4.0 says when to ask first."""
    where = f"{call.endpoint}{version.base}/operations/{job.id}?api-version={version.name}"
    return accepted(version, where)


def accepted(version: Version, where: str) -> Response:
    headers = {"Operation-Location": where}
    return answer(202, None, headers | ({"Retry-After": "1"} if version.classifier_compose else {}))


# --- models -----------------------------------------------------------------------------------------


def build(version: Version, call: Call, service: EmulatorService) -> Response:
    body = call.json()
    told = body if isinstance(body, dict) else {}
    model_id = require_id(told.get("modelId"))
    mode = str(told.get("buildMode") or "")
    if mode not in ("template", "neural"):
        raise BadRequestError(ServiceFault("InvalidParameter", "The parameter buildMode is invalid."))
    source = cast(BlobSource, read_source(body))
    require_new(call, service, model_id, bool(told.get("allowOverwrite")))
    request = TrainingRequest(
        model_id,
        ContainerLink("source", source.url),
        source.prefix,
        include_subfolders=True,
        mode=cast(BuildMode, mode),
        description=str(told.get("description") or ""),
    )
    details = {"mode": mode}
    job = service.start_training(
        Training(call.resource, model_id, request, FAMILY, version.name, listed(source), details)
    )
    return begun(version, call, job)


def require_new(call: Call, service: EmulatorService, model_id: str, overwrite: bool = False) -> None:
    """A model that came to nothing leaves its id free."""
    stored = service.store.model(call.resource, model_id)
    if stored is not None and stored.model.state != "invalid" and not overwrite:
        raise BadRequestError(
            ServiceFault("ModelExists", "A model with the provided name already exists."), 409
        )


def listed(source: BlobSource) -> tuple[str, ...] | None:
    """The paths in a file list, whose lines are `{"file": ...}`. Raises BadRequestError."""
    if not source.file_list:
        return None
    try:
        content = SignedContainer(source.url).read("", source.file_list)
        return tuple(str(json.loads(line)["file"]) for line in content.decode().splitlines() if line.strip())
    except (FormpipeError, ValueError, KeyError, TypeError):
        raise BadRequestError(
            ServiceFault("ContentSourceNotAccessible", "The file list cannot be read.")
        ) from None


def get_model(version: Version, call: Call, service: EmulatorService) -> Response:
    if call.path["model"].startswith("prebuilt-"):
        return answer(200, _prebuilt(version, call.path["model"]))
    stored = model_of(call, service, call.path["model"], "labelled", "unlabelled", "composed")
    return answer(200, details_of(version, stored, service))


def details_of(version: Version, stored: StoredModel, service: EmulatorService) -> encode.Json:
    found = (service.store.model(stored.resource, part) for part in stored.model.components)
    parts = [part.model for part in found if part is not None]
    model = _dated(stored.model)
    if stored.shape == "classifier":
        return encode.classifier_details(model, version, stored.details)
    return encode.model_details(model, version, parts, stored.details)


def _dated(model: ServiceModel) -> ServiceModel:
    until = model.created_at + _LIFETIME if model.created_at else None
    return model if model.expires_at else replace(model, expires_at=until)


def _prebuilt(version: Version, name: str) -> encode.Json:
    return encode.model_summary(ServiceModel(name, api_version=version.name), version)


def list_models(version: Version, call: Call, service: EmulatorService) -> Response:
    """The service's own models come first; those of older versions are listed too."""
    own = [_prebuilt(version, name) for name in READERS]
    stored = [each for each in service.store.models(call.resource) if each.shape != "classifier"]
    ready = [
        encode.model_summary(_dated(each.model), version) for each in stored if each.model.state == "ready"
    ]
    return paged(version, call, [*own, *ready], "documentModels")


def paged(version: Version, call: Call, items: list[encode.Json], path: str) -> Response:
    start = int(call.query.get("nextLink", "0") or 0)
    base = f"{call.endpoint}{version.base}/{path}?api-version={version.name}"
    more = f"{base}&nextLink={start + _PAGE}" if start + _PAGE < len(items) else ""
    return answer(200, encode.page(items[start : start + _PAGE], more))


def delete_model(version: Version, call: Call, service: EmulatorService) -> Response:
    stored = model_of(call, service, call.path["model"])
    service.store.delete_model(call.resource, stored.model.model_id)
    return answer(204)


def compose(version: Version, call: Call, service: EmulatorService) -> Response:
    body = call.json()
    told = body if isinstance(body, dict) else {}
    model_id = require_id(told.get("modelId"))
    ids, classifier = read_parts(body, version.classifier_compose)
    parts = [model_of(call, service, each, "labelled", "composed") for each in ids]
    limit = service.tier(ENGINE).compose
    if not parts or len(parts) > limit:
        message = f"The number of component models is not between 1 and {limit}."
        raise BadRequestError(ServiceFault("DocumentModelLimitComposed", message))
    if classifier:
        model_of(call, service, classifier, "classifier")
    require_new(call, service, model_id)
    named = ServiceModel(model_id, description=str(told.get("description") or ""), api_version=version.name)
    details = {"classifier": classifier} if classifier else {}
    return begun(version, call, service.compose(call.resource, FAMILY, named, parts, details))


def authorize_copy(version: Version, call: Call, service: EmulatorService) -> Response:
    body = call.json()
    told = body if isinstance(body, dict) else {}
    kind = "Classifier" if "documentClassifiers" in call.path.get("kind", "") else "Model"
    model_id = require_id(told.get(f"{kind.lower()}Id"), f"{kind.lower()}Id")
    require_new(call, service, model_id)
    description = str(told.get("description") or "")
    token = service.authorize_copy(call.resource, FAMILY, model_id, version.name, description)
    where = f"{call.endpoint}{version.base}/document{kind}s/{model_id}?api-version={version.name}"
    until = service.now + timedelta(hours=1)
    return answer(200, encode.copy_authorization(model_id, where, token, until, kind))


def copy(version: Version, call: Call, service: EmulatorService) -> Response:
    stored = model_of(call, service, call.path["model"])
    body = call.json()
    token = str(body.get("accessToken") or "") if isinstance(body, dict) else ""
    return begun(version, call, service.copy(stored, token))


def info(version: Version, call: Call, service: EmulatorService) -> Response:
    stored = [m for m in service.store.models(call.resource) if m.shape != "classifier"]
    return answer(200, encode.info(version, len(stored), service.tier(ENGINE).models, service.now))


# --- operations -------------------------------------------------------------------------------------


def get_operation(version: Version, call: Call, service: EmulatorService) -> Response:
    job = service.job(call.resource, call.path["job"], *_KINDS)
    if job is None:
        raise not_found("OperationNotFound", "The requested operation was not found.")
    return answer(200, _operation(version, call, job, service, whole=True))


def list_operations(version: Version, call: Call, service: EmulatorService) -> Response:
    jobs = [job for job in service.store.jobs() if job.resource == call.resource and job.kind in _KINDS]
    items = [_operation(version, call, job, service, whole=False) for job in jobs if job.family == FAMILY]
    return paged(version, call, items, "operations")


def _operation(
    version: Version, call: Call, job: StoredJob, service: EmulatorService, *, whole: bool
) -> encode.Json:
    model_id = str(job.details.get("target") or job.model_id)
    kind = "documentClassifiers" if job.kind == "classify" else "documentModels"
    result = None
    if whole and job.state == "succeeded":
        stored = service.store.model(job.resource, model_id) or _anywhere(service, model_id)
        result = details_of(version, stored, service) if stored else None
    return encode.operation(
        version,
        operation_id=job.id,
        kind=_KINDS[job.kind],
        status=job.state,
        created=job.created,
        updated=job.updated,
        location=f"{call.endpoint}{version.base}/{kind}/{model_id}?api-version={version.name}",
        result=result,
        fault=_told(job) if whole else None,
    )


def _anywhere(service: EmulatorService, model_id: str) -> StoredModel | None:
    """A copy lies in the resource it was copied into."""
    resources = (f"resource-{n + 1}" for n in range(len(service.options.keys)))
    found = (service.store.model(resource, model_id) for resource in resources)
    return next((stored for stored in found if stored is not None), None)


def _told(job: StoredJob) -> ServiceFault | None:
    """A training's fault in this family's words."""
    if job.fault is None or job.kind != "train":
        return job.fault
    if job.fault.target in ("no-layouts", "nothing-to-train-on"):
        message = "Could not build the model: Can't find any OCR files for training."
        return ServiceFault("ModelBuildError", message)
    if job.fault.code == "2012":
        missing = "SAS 'list' authorization is missing." if "list" in job.fault.target else job.fault.target
        return ServiceFault("InvalidSasToken", f"The shared access signature token is invalid: {missing}")
    return ServiceFault("ModelBuildError", f"Could not build the model: {job.fault.message}")


# --- documents --------------------------------------------------------------------------------------


def analyze(version: Version, call: Call, service: EmulatorService) -> Response:
    model_id = call.path["model"]
    stored = None
    if model_id not in READERS:
        if model_id.startswith("prebuilt-"):
            raise BadRequestError(ServiceFault("NotImplemented", f"The emulator has no {model_id}."), 501)
        stored = model_of(call, service, model_id, "labelled", "unlabelled", "composed")
    pages, index = read_pages(call.query.get("pages")), index_of(call)
    job_id = taken(call, service)
    details = {"model": model_id, "index": index}
    service.start_reading(job_id, call.resource, FAMILY, stored=stored, pages=pages, details=details)
    path = f"documentModels/{model_id}/analyzeResults/{job_id}"
    return accepted(version, f"{call.endpoint}{version.base}/{path}?api-version={version.name}")


def index_of(call: Call) -> str:
    index = call.query.get("stringIndexType", "textElements")
    if index not in _INDEXES:
        raise BadRequestError(ServiceFault("InvalidParameter", "The parameter stringIndexType is invalid."))
    return index


def taken(call: Call, service: EmulatorService) -> str:
    """Lay the document down and look at it; the id of the job that reads it. Raises BadRequestError."""
    content = call.body
    try:
        if call.content_type == "application/json":
            url, content = read_document(call.json())
            content = form_recognizer_documents.downloaded(url) if url else content
        return form_recognizer_documents.taken(call, service, content)
    except v2.BadRequestError as error:
        if error.fault == v2.NO_DOWNLOAD:
            message = "Could not download the file from the given URL."
            raise BadRequestError(ServiceFault("ContentSourceNotAccessible", message)) from None
        raise invalid_content() from None


def analyze_result(version: Version, call: Call, service: EmulatorService) -> Response:
    job = result_job(call, service, "analyze", "layout")
    return answer(200, result_body(version, job, service))


def result_job(call: Call, service: EmulatorService, *kinds: OperationKind) -> StoredJob:
    job = service.job(call.resource, call.path["job"], *kinds)
    if job is None:
        raise not_found("OperationNotFound", "The requested operation was not found.")
    return job


def result_body(version: Version, job: StoredJob, service: EmulatorService) -> encode.Json:
    """The answer to a poll, as it is, or as a batch writes it."""
    analysis = service.store.result(job.id) if job.state == "succeeded" else None
    if analysis is None:
        return encode_analysis.envelope(job.state, job.created, job.updated, fault=job.fault)
    stored = service.store.model(job.resource, job.model_id) if job.model_id else None
    result = encode_analysis.result(
        analysis,
        version,
        model_id=str(job.details.get("model", job.model_id)),
        index=str(job.details.get("index", "textElements")),
        fields=stored.model.fields if stored else (),
    )
    return encode_analysis.envelope("succeeded", job.created, job.updated, result)


def delete_result(version: Version, call: Call, service: EmulatorService) -> Response:
    service.store.delete_job(result_job(call, service, "analyze", "layout", "batch").id)
    return answer(204)


# --- routes -----------------------------------------------------------------------------------------


def answered(base: str, handler: Versioned, since: str) -> Handler:
    """The handler, given the version of the call; what it refuses is told in the service's words."""

    @functools.wraps(handler)
    def handle(call: Call, service: EmulatorService) -> Response:
        version = VERSIONS.get(call.query.get("api-version", ""))
        try:
            if version is None or version.base != base or version.name < since:
                message = "The requested API version is not supported here."
                raise BadRequestError(ServiceFault("NotSupportedApiVersion", message))
            return handler(version, call, service)
        except BadRequestError as error:
            return answer(error.status, encode.error(error.status, error.fault))

    return handle


def routes(*told: tuple[str, str, str, OperationClass, Versioned], since: str = "") -> list[Route]:
    """A route under each base path, for versions since a date."""
    return [
        Route(name, method, f"{base}/{path}", kind, answered(base, handler, since))
        for base in BASES
        for name, method, path, kind, handler in told
    ]


_MODEL = "documentModels/{model}"
_RESULT = f"{_MODEL}/analyzeResults/{{job}}"

ROUTES: list[Route] = [
    *routes(
        ("train", "POST", "documentModels:build", "manage", build),
        ("compose", "POST", "documentModels:compose", "manage", compose),
        ("authorize-copy", "POST", "documentModels:authorizeCopy", "manage", authorize_copy),
        ("copy", "POST", f"{_MODEL}:copyTo", "manage", copy),
        ("list", "GET", "documentModels", "list", list_models),
        ("get-model", "GET", _MODEL, "manage", get_model),
        ("delete-model", "DELETE", _MODEL, "manage", delete_model),
        ("analyze", "POST", f"{_MODEL}:analyze", "analyze", analyze),
        ("analyze-result", "GET", _RESULT, "get", analyze_result),
        ("operations", "GET", "operations", "list", list_operations),
        ("operation", "GET", "operations/{job}", "get", get_operation),
        ("info", "GET", "info", "list", info),
    ),
    *routes(("delete-result", "DELETE", _RESULT, "manage", delete_result), since="2024-11-30"),
]
