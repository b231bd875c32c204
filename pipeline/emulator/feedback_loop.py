"""The feedback loop of Form Recognizer v2.0-preview (October 2019) in both documented forms: at the service,
and as a container, whose callers need no key because it holds one itself (CONTRACTS 1).

A training's operation has the id of the model it makes: the published code takes what follows `operations/`
for a model id.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from python_multipart import parse_form
from python_multipart.exceptions import FormParserError
from starlette.responses import Response

from pipeline.emulator import form_recognizer_documents as documents
from pipeline.emulator import form_recognizer_models as models
from pipeline.emulator.form_recognizer import Versioned, answered
from pipeline.emulator.routing import Call, Route, answer
from pipeline.emulator.service import EmulatorService
from pipeline.remote import ServiceFault
from pipeline.rest.limits import OperationClass
from pipeline.wire.form_recognizer import encode_feedback_loop as encode
from pipeline.wire.form_recognizer.server_requests import BadRequestError
from pipeline.wire.form_recognizer.versions import VERSIONS, Version

_VERSION = VERSIONS["v2.0-preview"]
_FIRST = "/formrecognizer/v1.0-preview"
_PART = b"analyzeFile"
_NO_FILE = ServiceFault("1002", "The form is expected as the part analyzeFile of a multipart/form-data body.")
_GONE = ServiceFault(
    "Gone",
    "Cognitive Services Form Recognizer 'v1.0-preview' APIs have been deprecated. Please upgrade to v2.0.",
)


def _accepted(call: Call, path: str) -> Response:
    """The documentation names two headers for the operation's URL; both are given."""
    where = f"{call.endpoint}{path}"
    return answer(202, None, {"Operation-Location": where, "Location": where})


# --- training -------------------------------------------------------------------------------------


def train_at(base: str) -> Versioned:
    def train(version: Version, call: Call, service: EmulatorService) -> Response:
        model_id = models.accept_training(version, call, service)
        return _accepted(call, f"{base}/asyncTrainOperations/{model_id}")

    return train


def train_state(version: Version, call: Call, service: EmulatorService) -> Response:
    stored = models.stored_model(call, service)
    return answer(200, encode.training(stored.model), models.error_code(stored.model.faults))


def public_train_state(version: Version, call: Call, service: EmulatorService) -> Response:
    """Where the published code asks whether a training is done, although it began it in v2.0-preview."""
    stored = models.stored_model(call, service)
    body = models.model_body(stored, version, keys=True)
    return answer(200, encode.public_training(stored.model, body), models.error_code(stored.model.faults))


# --- documents ------------------------------------------------------------------------------------


def analyze_at(base: str) -> Versioned:
    def analyze(version: Version, call: Call, service: EmulatorService) -> Response:
        stored = documents.ready_model(call, service)
        job_id = documents.taken(call, service, sent_file(call))
        details = {"text": documents.wants_details(call)}
        service.start_reading(job_id, call.resource, models.FAMILY, stored=stored, details=details)
        return _accepted(call, f"{base}/models/asyncAnalyzeOperations/{job_id}")

    return analyze


def analyze_state(version: Version, call: Call, service: EmulatorService) -> Response:
    job = models.stored_job(call, service, "analyze")
    stored = service.store.model(job.resource, job.model_id)
    body = encode.analysis(
        job.state,
        job.created,
        job.updated,
        documents.found_by(job, service),
        stored.model.fields if stored else (),
        details=bool(job.details.get("text")),
        fault=job.fault,
    )
    return answer(200, body)


def read_layout(version: Version, call: Call, service: EmulatorService) -> Response:
    job_id = documents.taken(call, service)
    service.start_reading(job_id, call.resource, models.FAMILY)
    return _accepted(call, f"{version.base}/readLayout/asyncAnalyzeOperations/{job_id}")


def layout_state(version: Version, call: Call, service: EmulatorService) -> Response:
    job = models.stored_job(call, service, "layout")
    found = documents.found_by(job, service)
    read = found.layout if found else None
    return answer(200, encode.layout(job.state, job.created, job.updated, read, job.fault))


def sent_file(call: Call) -> bytes:
    """The form in a multipart body. Raises BadRequestError."""
    files: list[Any] = []
    headers: Mapping[str, bytes] = {"Content-Type": call.headers.get("content-type", "").encode()}
    try:
        parse_form(headers, BytesIO(call.body), lambda _: None, files.append)  # type: ignore[arg-type]
    except (FormParserError, ValueError):
        raise BadRequestError(_NO_FILE) from None
    for file in files:
        if file.field_name == _PART:
            file.file_object.seek(0)
            return bytes(file.file_object.read())
    raise BadRequestError(_NO_FILE)


# --- routes ---------------------------------------------------------------------------------------


def gone(version: Version, call: Call, service: EmulatorService) -> Response:
    raise BadRequestError(_GONE, 410)


def _routes(base: str, *, keyless: bool) -> list[Route]:
    one = f"{base}/models/{{model}}"

    def route(name: str, method: str, path: str, kind: OperationClass, handler: Versioned) -> Route:
        return Route(name, method, path, kind, answered(handler, _VERSION), keyless)

    operations = f"{base}/models/asyncAnalyzeOperations/{{job}}"
    return [
        route("train", "POST", f"{base}/asyncTrain", "manage", train_at(base)),
        route("train-state", "GET", f"{base}/asyncTrainOperations/{{model}}", "manage", train_state),
        route("analyze", "POST", f"{one}/asyncAnalyze", "analyze", analyze_at(base)),
        route("analyze-result", "GET", operations, "get", analyze_state),
    ]


def _layout_routes() -> list[Route]:
    """One path for both forms, which differ in the host only."""
    base = f"{_VERSION.base}/readLayout"
    read, state = answered(read_layout, _VERSION), answered(layout_state, _VERSION)
    return [
        Route("layout", "POST", f"{base}/asyncAnalyze", "analyze", read, True),
        Route("layout-result", "GET", f"{base}/asyncAnalyzeOperations/{{job}}", "get", state, True),
    ]


def _first_routes() -> list[Route]:
    """v1.0-preview is retired, but for the one question that the published code asks there."""
    every = f"{_FIRST}/custom/models"
    one = f"{every}/{{model}}"
    asked = answered(public_train_state, _VERSION)
    refused = answered(gone, _VERSION)
    retired: list[tuple[str, str]] = [
        ("POST", f"{_FIRST}/custom/train"),
        ("GET", every),
        ("GET", f"{one}/keys"),
        ("DELETE", one),
        ("POST", f"{one}/analyze"),
    ]
    return [
        Route("train-state", "GET", one, "manage", asked),
        *(Route("retired", method, path, "manage", refused) for method, path in retired),
    ]


ROUTES: list[Route] = [
    *_routes(f"{_VERSION.base}/custom", keyless=False),
    *_routes(_VERSION.base, keyless=True),
    *_layout_routes(),
    *_first_routes(),
]
