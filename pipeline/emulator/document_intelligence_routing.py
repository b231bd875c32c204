"""What the routes of Document Intelligence have in common: the version of a call, its refusals, answers that
begin an operation, pages of lists (CONTRACTS 3.1)."""

from __future__ import annotations

import functools
from collections.abc import Callable

from starlette.responses import Response

from pipeline.emulator.routing import Call, Handler, Route, answer
from pipeline.emulator.service import EmulatorService
from pipeline.emulator.store import JobKind, ModelShape, StoredJob, StoredModel
from pipeline.remote import ServiceFault
from pipeline.rest.limits import OperationClass
from pipeline.wire.document_intelligence import encode
from pipeline.wire.document_intelligence.encode_faults import refusal
from pipeline.wire.document_intelligence.server_refusals import BadRequestError, invalid, missing, not_done
from pipeline.wire.document_intelligence.versions import RETIRED, VERSIONS, Version

FAMILY = "v3"
ENGINE = "document-intelligence"
PREBUILT = "prebuilt-"
READERS = ("prebuilt-layout", "prebuilt-read")
MODELS: tuple[ModelShape, ...] = ("labelled", "unlabelled", "composed")

Versioned = Callable[[Version, Call, EmulatorService], Response]

_BASES = ("/formrecognizer", "/documentintelligence")
_PAGE = 5
_TAKEN = ServiceFault("ModelExists", "A model with the provided name already exists.")


# --- versions and routes ----------------------------------------------------------------------------


def routes(*told: tuple[str, str, str, OperationClass, Versioned], since: str = "") -> list[Route]:
    """A route under each base path, for versions since a date."""
    return [
        Route(name, method, f"{base}/{path}", kind, answered(base, handler, since))
        for base in _BASES
        for name, method, path, kind, handler in told
    ]


def answered(base: str, handler: Versioned, since: str) -> Handler:
    """The handler, given the version of the call; what it refuses is told in the service's words."""

    @functools.wraps(handler)
    def handle(call: Call, service: EmulatorService) -> Response:
        try:
            return handler(_version(call, service, base, since), call, service)
        except BadRequestError as error:
            return answer(error.status, refusal(error.status, error.fault))

    return handle


def _version(call: Call, service: EmulatorService, base: str, since: str) -> Version:
    """Every call names its version, polls too. Raises BadRequestError (400, 410)."""
    name = call.query.get("api-version")
    if not name:
        raise missing("api-version")
    if name in RETIRED and service.now.date() > RETIRED[name]:
        raise BadRequestError(ServiceFault("Gone", "The requested API version has been retired."), 410)
    version = VERSIONS.get(name)
    if version is None or version.base != base or version.name < since:
        message = f"The API version {name} is not supported at {base} for this operation."
        raise BadRequestError(ServiceFault("NotSupportedApiVersion", message))
    return version


# --- models and operations --------------------------------------------------------------------------


def not_found(
    code: str = "ModelNotFound", message: str = "The requested model was not found."
) -> BadRequestError:
    return BadRequestError(ServiceFault(code, message), 404)


def stored_model(call: Call, service: EmulatorService, model_id: str, *shapes: ModelShape) -> StoredModel:
    """A model that is ready. Raises BadRequestError (404, 501 for prebuilt models)."""
    if model_id.startswith(PREBUILT):
        raise not_done(f"model {model_id}")
    stored = service.store.model(call.resource, model_id)
    if stored is None or stored.model.state != "ready" or stored.shape not in shapes:
        raise not_found()
    return stored


def require_new(call: Call, service: EmulatorService, model_id: str, *, overwrite: bool = False) -> None:
    """A model that came to nothing leaves its id free. Raises BadRequestError (409; 400 when the resource is
    full)."""
    stored = service.store.model(call.resource, model_id)
    if stored is not None and stored.model.state != "invalid":
        if overwrite and stored.model.state == "ready":
            return
        raise BadRequestError(_TAKEN, 409)
    limit = service.tier(ENGINE).models
    if len(own_models(call, service)) >= limit:
        message = f"The resource cannot hold more than {limit} models."
        raise BadRequestError(ServiceFault("DocumentModelLimit", message))


def own_models(call: Call, service: EmulatorService) -> list[StoredModel]:
    """The models of a resource that are ready, of every API family, without classifiers."""
    stored = service.store.models(call.resource)
    return [each for each in stored if each.model.state == "ready" and each.shape in MODELS]


def stored_job(call: Call, service: EmulatorService, *kinds: JobKind) -> StoredJob:
    """The operation in the path, which must be one of the model in the path. Raises BadRequestError (404)."""
    job = service.job(call.resource, call.path["job"], *kinds)
    of_model = call.path.get("model", "").lower()
    if job is None or job.family != FAMILY or (of_model and of_model != _subject(job).lower()):
        raise not_found("OperationNotFound", "The requested operation was not found.")
    return job


def _subject(job: StoredJob) -> str:
    """The model, reader or classifier that an operation is asked for under."""
    return str(job.details.get("model") or job.model_id)


# --- answers ----------------------------------------------------------------------------------------


def url_of(version: Version, call: Call, path: str) -> str:
    return f"{call.endpoint}{version.base}/{path}?api-version={version.name}"


def begun(version: Version, call: Call, job: StoredJob) -> Response:
    return accepted(version, call, f"operations/{job.id}")


def accepted(version: Version, call: Call, path: str) -> Response:
    """Where to ask how it goes; 4.0 says when to ask first."""
    headers = {"Operation-Location": url_of(version, call, path)}
    return answer(202, None, headers | ({"Retry-After": "1"} if version.classifier_compose else {}))


def paged(version: Version, call: Call, items: list[encode.Json], path: str) -> Response:
    """A page of a list, by the link to it. Raises BadRequestError for a link that is none."""
    told = call.query.get("nextLink", "0")
    if not told.isdigit():
        raise invalid("nextLink")
    start = int(told)
    more = f"{url_of(version, call, path)}&nextLink={start + _PAGE}" if start + _PAGE < len(items) else ""
    return answer(200, encode.page(items[start : start + _PAGE], more))
