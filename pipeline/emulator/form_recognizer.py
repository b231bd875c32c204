"""Form Recognizer v2.0 to v2.1: the routes of CONTRACTS 2.2."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import cast

import requests
from starlette.responses import Response

from pipeline.emulator.routing import Call, Handler, Route, answer
from pipeline.emulator.service import EmulatorService, Training
from pipeline.emulator.store import StoredJob, StoredModel
from pipeline.errors import FormpipeError
from pipeline.remote import Analysis, ServiceFault, ServiceModel
from pipeline.rest.limits import OperationClass
from pipeline.wire.form_recognizer import encode, encode_analysis
from pipeline.wire.form_recognizer.server_requests import (
    NO_DOWNLOAD,
    BadRequestError,
    read_copy,
    read_model_ids,
    read_pages,
    read_source,
    read_training,
)
from pipeline.wire.form_recognizer.versions import VERSIONS, Version

FAMILY = "v2"
_PAGE = 5
_TYPES = {"application/pdf", "image/jpeg", "image/png", "image/tiff"}
_INVALID_IMAGE = ServiceFault(
    "InvalidImage",
    "The file submitted couldn't be parsed. This can be due to one of the following reasons: the file format "
    "is not supported ( Supported formats include JPEG, PNG, BMP, PDF and TIFF), the file is corrupted or "
    "password protected.",
)
_NOT_COMPOSABLE = "Specified model not found or not ready or has incompatible API version, Model Id: "
_FORGOTTEN = ServiceFault("1023", "The operation was not found, or its result expired.")
_TOO_LARGE = ServiceFault("InvalidImageSize", "The input file is too large.")

Versioned = Callable[[Version, Call, EmulatorService], Response]


def _not_found(model_id: str) -> BadRequestError:
    return BadRequestError(ServiceFault("1022", f"Model with 'id={model_id}' not found."), 404)


def _model(call: Call, service: EmulatorService) -> StoredModel:
    stored = service.store.model(call.resource, call.path["model"])
    if stored is None or stored.shape == "classifier":
        raise _not_found(call.path["model"])
    return stored


# --- models ---------------------------------------------------------------------------------------


def train(version: Version, call: Call, service: EmulatorService) -> Response:
    request = read_training(call.json())
    model_id = str(uuid.uuid4())
    service.start_training(Training(call.resource, model_id, request, FAMILY, version.name))
    return answer(201, None, {"Location": f"{call.endpoint}{version.models}/{model_id}"})


def get_model(version: Version, call: Call, service: EmulatorService) -> Response:
    stored = _model(call, service)
    keys = call.query.get("includeKeys", "false").lower() == "true"
    headers = {}
    if stored.model.state == "invalid" and stored.model.faults:
        headers["ms-azure-ai-errorcode"] = stored.model.faults[0].code
    found = (service.store.model(call.resource, part) for part in stored.model.components)
    parts = [part.model for part in found if part is not None]
    shape = cast(encode.Shape, stored.shape)
    return answer(200, encode.model(stored.model, shape, version, keys=keys, parts=parts), headers)


def list_models(version: Version, call: Call, service: EmulatorService) -> Response:
    stored = [each for each in service.store.models(call.resource) if each.family == FAMILY]
    if call.query.get("op") == "summary":
        limit = service.tier("form-recognizer").models
        return answer(200, encode.summary(len(stored), limit, service.now))
    start = int(call.query.get("nextLink", "0!-").partition("!")[0] or 0)
    infos = [
        encode.model_info(each.model, cast(encode.Shape, each.shape), version)
        for each in stored[start : start + _PAGE]
    ]
    more = start + _PAGE < len(stored)
    link = f"{call.endpoint}{version.models}?nextLink={start + _PAGE}!-" if more else ""
    return answer(200, encode.models_page(infos, link))


def delete_model(version: Version, call: Call, service: EmulatorService) -> Response:
    stored = _model(call, service)
    service.store.delete_model(call.resource, stored.model.model_id)
    return answer(204)


def compose(version: Version, call: Call, service: EmulatorService) -> Response:
    ids, name = read_model_ids(call.json())
    parts = []
    for model_id in ids:
        stored = service.store.model(call.resource, model_id)
        usable = stored and stored.model.state == "ready" and stored.shape in ("labelled", "composed")
        if stored is None or not usable or stored.family != FAMILY:
            raise BadRequestError(ServiceFault("1001", f"{_NOT_COMPOSABLE}{model_id}"))
        parts.append(stored)
    if len(parts) > service.tier("form-recognizer").compose:
        raise BadRequestError(ServiceFault("1008", "Too many models to compose."))
    named = ServiceModel(str(uuid.uuid4()), name=name, api_version=version.name)
    service.compose(call.resource, FAMILY, named, parts)
    return answer(201, None, {"Location": f"{call.endpoint}{version.models}/{named.model_id}"})


# --- copies ---------------------------------------------------------------------------------------


def authorize_copy(version: Version, call: Call, service: EmulatorService) -> Response:
    model_id = str(uuid.uuid4())
    token = service.authorize_copy(call.resource, FAMILY, model_id, version.name)
    body = encode.copy_authorization(model_id, token, service.now + timedelta(hours=24))
    return answer(201, body, {"Location": f"{call.endpoint}{version.models}/{model_id}"})


def copy(version: Version, call: Call, service: EmulatorService) -> Response:
    stored = _model(call, service)
    job = service.copy(stored, read_copy(call.json()))
    where = f"{call.endpoint}{version.models}/{stored.model.model_id}/copyresults/{job.id}"
    return answer(202, None, {"Operation-Location": where})


def copy_result(version: Version, call: Call, service: EmulatorService) -> Response:
    job = _job(call, service, "copy")
    headers = {"ms-azure-ai-errorcode": job.fault.code} if job.fault else {}
    target = str(job.details.get("target", ""))
    return answer(200, encode.copy_state(job.state, job.created, job.updated, target, job.fault), headers)


# --- documents ------------------------------------------------------------------------------------


def analyze(version: Version, call: Call, service: EmulatorService) -> Response:
    stored = _model(call, service)
    if stored.model.state != "ready":
        raise BadRequestError(ServiceFault("1015", f"Model is not ready: {stored.model.state}."))
    pages = read_pages(call.query.get("pages")) if version.analyze_pages else ()
    job_id = taken(call, service)
    details = call.query.get("includeTextDetails", "false").lower() == "true"
    service.start_reading(
        job_id, call.resource, FAMILY, stored=stored, pages=pages, details={"text": details}
    )
    where = f"{call.endpoint}{version.models}/{stored.model.model_id}/analyzeresults/{job_id}"
    return answer(202, None, {"Operation-Location": where})


def layout(version: Version, call: Call, service: EmulatorService) -> Response:
    pages = read_pages(call.query.get(version.layout_pages)) if version.layout_pages else ()
    job_id = taken(call, service)
    service.start_reading(job_id, call.resource, FAMILY, pages=pages)
    return answer(
        202, None, {"Operation-Location": f"{call.endpoint}{version.base}/layout/analyzeresults/{job_id}"}
    )


def taken(call: Call, service: EmulatorService, content: bytes | None = None) -> str:
    """Lay the document down and look at it; the id of the job that reads it. Raises BadRequestError."""
    body = call.body if content is None else content
    if content is None and call.content_type == "application/json":
        body = downloaded(read_source(call.json()))
    if len(body) > service.tier("form-recognizer").document_mb * 2**20:
        raise BadRequestError(_TOO_LARGE)
    job_id, file = service.new_input(body)
    try:
        probe = service.probe(file)
    except FormpipeError:
        file.unlink(missing_ok=True)
        raise BadRequestError(_INVALID_IMAGE) from None
    if probe.content_type not in _TYPES | {"image/bmp"}:
        raise BadRequestError(_INVALID_IMAGE)
    return job_id


def downloaded(url: str) -> bytes:
    """Raises BadRequestError."""
    try:
        found = requests.get(url, timeout=30)
        found.raise_for_status()
    except requests.RequestException:
        raise BadRequestError(NO_DOWNLOAD) from None
    return found.content


def read_result(version: Version, call: Call, service: EmulatorService) -> Response:
    job = _job(call, service, "analyze", "layout")
    stored = service.store.model(job.resource, job.model_id) if job.model_id else None
    unlabelled = stored is not None and stored.shape == "unlabelled"
    if job.state == "failed" and job.fault is not None:
        result = encode_analysis.failed_result(job.fault, version)
        return answer(200, encode_analysis.envelope("failed", job.created, job.updated, result))
    analysis = service.store.result(job.id) if job.state == "succeeded" else None
    if analysis is None:
        waiting = encode_analysis.envelope(job.state, job.created, job.updated, null=unlabelled)
        return answer(200, waiting)
    result = result_of(job, analysis, stored, version)
    return answer(200, encode_analysis.envelope("succeeded", job.created, job.updated, result))


def result_of(
    job: StoredJob, analysis: Analysis, stored: StoredModel | None, version: Version
) -> encode_analysis.Json:
    """The result in the shape of the model that found it."""
    details = bool(job.details.get("text", True))
    if stored is None:
        return encode_analysis.layout_result(analysis.layout, version)
    if stored.shape == "unlabelled":
        return encode_analysis.unlabelled_result(analysis, version, details=details)
    name = stored.model.name or stored.model.model_id
    return encode_analysis.labelled_result(analysis, stored.model.fields, version, name, details=details)


def _job(call: Call, service: EmulatorService, *kinds: str) -> StoredJob:
    job = service.job(call.resource, call.path["job"], *kinds)  # type: ignore[arg-type]
    if job is None:
        raise BadRequestError(
            ServiceFault("1023", "The operation was not found, or its result expired."), 404
        )
    return job


# --- routes ---------------------------------------------------------------------------------------


def answered(handler: Versioned, version: Version) -> Handler:
    """The handler of one version; what it refuses is told in the service's words."""

    @functools.wraps(handler)
    def handle(call: Call, service: EmulatorService) -> Response:
        try:
            return handler(version, call, service)
        except BadRequestError as error:
            return answer(error.status, encode.error(error.fault))

    return handle


def _routes(version: Version) -> list[Route]:
    one = f"{version.models}/{{model}}"

    def route(name: str, method: str, path: str, kind: OperationClass, handler: Versioned) -> Route:
        return Route(name, method, path, kind, answered(handler, version))

    routes = [
        route("layout", "POST", f"{version.base}/layout/analyze", "analyze", layout),
        route("layout-result", "GET", f"{version.base}/layout/analyzeResults/{{job}}", "get", read_result),
        route("train", "POST", version.models, "manage", train),
        route("list", "GET", version.models, "list", list_models),
        route("authorize-copy", "POST", f"{version.models}/copyAuthorization", "manage", authorize_copy),
        route("get-model", "GET", one, "manage", get_model),
        route("delete-model", "DELETE", one, "manage", delete_model),
        route("analyze", "POST", f"{one}/analyze", "analyze", analyze),
        route("analyze-result", "GET", f"{one}/analyzeResults/{{job}}", "get", read_result),
        route("copy", "POST", f"{one}/copy", "manage", copy),
        route("copy-result", "GET", f"{one}/copyResults/{{job}}", "get", copy_result),
    ]
    if version.model_names:
        routes.insert(0, route("compose", "POST", f"{version.models}/compose", "manage", compose))
    return routes


ROUTES: list[Route] = [route for version in VERSIONS.values() for route in _routes(version)]
