"""Form Recognizer v2.0 to v2.1: documents are taken, read and analyzed (CONTRACTS 2.2, 2.5, 2.6)."""

from __future__ import annotations

import requests
from starlette.responses import Response

from pipeline.emulator.form_recognizer_models import FAMILY, parts_of, stored_job, stored_model
from pipeline.emulator.routing import Call, answer
from pipeline.emulator.service import EmulatorService
from pipeline.emulator.store import StoredJob, StoredModel
from pipeline.errors import FormpipeError
from pipeline.reading.content import BMP, SUPPORTED
from pipeline.remote import Analysis, ServiceFault, ServiceModel
from pipeline.wire.form_recognizer import encode_analysis
from pipeline.wire.form_recognizer.server_requests import (
    NO_DOWNLOAD,
    BadRequestError,
    read_pages,
    read_source,
)
from pipeline.wire.form_recognizer.versions import Version

_INVALID_IMAGE = ServiceFault(
    "InvalidImage",
    "The file submitted couldn't be parsed. This can be due to one of the following reasons: the file format "
    "is not supported ( Supported formats include JPEG, PNG, BMP, PDF and TIFF), the file is corrupted or "
    "password protected.",
)
_TOO_LARGE = ServiceFault("InvalidImageSize", "The input file is too large.")
_DOWNLOAD_SECONDS = 30


# --- documents are taken --------------------------------------------------------------------------


def analyze(version: Version, call: Call, service: EmulatorService) -> Response:
    stored = ready_model(call, service)
    pages = read_pages(call.query.get("pages")) if version.analyze_pages else ()
    job_id = taken(call, service, bitmaps=version.analyze_bmp)
    service.start_reading(
        job_id, call.resource, FAMILY, stored=stored, pages=pages, details={"text": wants_details(call)}
    )
    where = f"{call.endpoint}{version.models}/{stored.model.model_id}/analyzeresults/{job_id}"
    return answer(202, None, {"Operation-Location": where})


def layout(version: Version, call: Call, service: EmulatorService) -> Response:
    told = {name.lower(): value for name, value in call.query.items()}
    pages = read_pages(told.get("pages")) if version.layout_pages else ()
    job_id = taken(call, service, bitmaps=version.layout_bmp)
    service.start_reading(job_id, call.resource, FAMILY, pages=pages)
    where = f"{call.endpoint}{version.base}/layout/analyzeResults/{job_id}"
    return answer(202, None, {"Operation-Location": where})


def ready_model(call: Call, service: EmulatorService) -> StoredModel:
    """The model in the path, fit to analyze. Raises BadRequestError."""
    stored = stored_model(call, service)
    if stored.model.state != "ready":
        raise BadRequestError(ServiceFault("1015", f"Model is not ready: {stored.model.state}."))
    return stored


def wants_details(call: Call) -> bool:
    return call.query.get("includeTextDetails", "false").lower() == "true"


def taken(call: Call, service: EmulatorService, content: bytes | None = None, *, bitmaps: bool = True) -> str:
    """Lay the document down and look at it; the id of the job that reads it. Raises BadRequestError."""
    body = call.body if content is None else content
    if content is None and call.content_type == "application/json":
        body = downloaded(read_source(call.json()))
    if len(body) > service.tier("form-recognizer").document_mb * 2**20:
        raise BadRequestError(_TOO_LARGE)
    job_id, file = service.new_input(body)
    try:
        kind = service.probe(file).content_type
    except FormpipeError:
        kind = ""
    if kind not in SUPPORTED or (kind == BMP and not bitmaps):
        file.unlink(missing_ok=True)
        raise BadRequestError(_INVALID_IMAGE)
    return job_id


def downloaded(url: str) -> bytes:
    """Raises BadRequestError."""
    try:
        found = requests.get(url, timeout=_DOWNLOAD_SECONDS)
        found.raise_for_status()
    except requests.RequestException:
        raise BadRequestError(NO_DOWNLOAD) from None
    return found.content


# --- results --------------------------------------------------------------------------------------


def read_result(version: Version, call: Call, service: EmulatorService) -> Response:
    job = stored_job(call, service, "analyze" if "model" in call.path else "layout")
    stored = service.store.model(job.resource, job.model_id) if job.model_id else None
    return answer(200, result_body(job, stored, found_by(job, service), version))


def found_by(job: StoredJob, service: EmulatorService) -> Analysis | None:
    """What an operation found, once it is done."""
    return service.result(job)


def result_body(
    job: StoredJob, stored: StoredModel | None, found: Analysis | None, version: Version
) -> encode_analysis.Json:
    """The operation, in the shape of the model that reads (`stored`; none reads the layout alone)."""
    if job.state == "failed" and job.fault is not None:
        result = encode_analysis.failed_result(job.fault, version)
        return encode_analysis.envelope("failed", job.created, job.updated, result)
    if found is None:
        unlabelled = stored is not None and stored.shape == "unlabelled"
        return encode_analysis.envelope(job.state, job.created, job.updated, null=unlabelled)
    return encode_analysis.envelope(
        "succeeded", job.created, job.updated, _result(job, stored, found, version)
    )


def _result(
    job: StoredJob, stored: StoredModel | None, found: Analysis, version: Version
) -> encode_analysis.Json:
    details = bool(job.details.get("text", True))
    if stored is None:
        return encode_analysis.layout_result(found.layout, version)
    if stored.shape == "unlabelled":
        return encode_analysis.unlabelled_result(found, version, details=details)
    model = chosen(stored, found)
    name = model.name or model.model_id
    return encode_analysis.labelled_result(found, model.fields, version, name, details=details)


def chosen(stored: StoredModel, found: Analysis) -> ServiceModel:
    """Of a composed model the component that fitted best, whose fields are told; else the model itself."""
    return next((part for part in parts_of(stored) if part.model_id == found.model_id), stored.model)
