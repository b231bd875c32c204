"""Document Intelligence: documents are taken and analyzed (CONTRACTS 3.1, 3.3)."""

from __future__ import annotations

from typing import Any

import requests
from starlette.responses import Response

from pipeline.emulator.document_intelligence_models import read_types, types_of, write_types
from pipeline.emulator.document_intelligence_routing import (
    ENGINE,
    FAMILY,
    MODELS,
    READERS,
    accepted,
    routes,
    stored_job,
    stored_model,
)
from pipeline.emulator.routing import Call, answer
from pipeline.emulator.service import EmulatorService
from pipeline.emulator.store import StoredJob, StoredModel
from pipeline.errors import FormpipeError
from pipeline.reading.content import SUPPORTED
from pipeline.remote import Analysis, AnalyzedDocument, ServiceFault
from pipeline.wire.document_intelligence import encode_analysis
from pipeline.wire.document_intelligence.encode import DocumentType
from pipeline.wire.document_intelligence.server_queries import ReadingRequest, read_reading
from pipeline.wire.document_intelligence.server_refusals import (
    BadRequestError,
    invalid,
    invalid_content,
    not_done,
)
from pipeline.wire.document_intelligence.server_requests import read_document
from pipeline.wire.document_intelligence.versions import Version

_DOWNLOAD_SECONDS = 30
_JSON = "application/json"
_TYPES = frozenset((*SUPPORTED, "application/octet-stream", "image/jpg", "image/heif"))
_OFFICE = ("text/html", "application/vnd.openxmlformats-officedocument.")


# --- analyze ----------------------------------------------------------------------------------------


def analyze(version: Version, call: Call, service: EmulatorService) -> Response:
    model_id = call.path["model"]
    stored = reading_model(call, service)
    asked = read_reading(call.query, version)
    job_id = taken(call, service, asked.pages)
    details = reading_details(model_id, stored, asked)
    service.start_reading(job_id, call.resource, FAMILY, stored=stored, pages=asked.pages, details=details)
    return accepted(version, call, f"documentModels/{model_id}/analyzeResults/{job_id}")


def reading_model(call: Call, service: EmulatorService) -> StoredModel | None:
    """The model in the path; None for those that read the layout alone. Raises BadRequestError."""
    model_id = call.path["model"]
    return None if model_id in READERS else stored_model(call, service, model_id, *MODELS)


def reading_details(model_id: str, stored: StoredModel | None, asked: ReadingRequest) -> dict[str, Any]:
    """What must be known to tell the result, which outlives the model."""
    return {
        "model": model_id,
        "index": asked.index,
        "types": write_types(types_of(stored)) if stored else [],
        "sorting": stored.details.get("sorting") if stored else None,
    }


# --- documents are taken ----------------------------------------------------------------------------


def taken(call: Call, service: EmulatorService, pages: tuple[int, ...] = ()) -> str:
    """Lay the document down and look at it; the id of the job that reads it. Raises BadRequestError."""
    content = sent(call)
    limit = service.tier(ENGINE).document_mb
    if len(content) > limit * 2**20:
        message = f"The input image is too large: the limit is {limit} MB."
        raise BadRequestError(ServiceFault("InvalidContentLength", message))
    job_id, file = service.new_input(content)
    try:
        probe = service.probe(file)
        readable = probe.content_type in SUPPORTED
    except FormpipeError:
        readable = False
    if not readable or (pages and min(pages) > probe.pages):
        file.unlink(missing_ok=True)
        raise invalid("pages", "The page range exceeds the document.") if readable else invalid_content()
    return job_id


def sent(call: Call) -> bytes:
    """The document in a call, or behind the URL in it. Raises BadRequestError."""
    if call.content_type == _JSON:
        url, content = read_document(call.json())
        return downloaded(url) if url else content
    if call.content_type.startswith(_OFFICE):
        raise not_done(f"reader for {call.content_type}")
    if call.content_type not in _TYPES:
        message = f"The content type {call.content_type or '(none)'} is not supported."
        raise BadRequestError(ServiceFault("UnsupportedContent", message), 415)
    if not call.body:
        raise invalid_content()
    return call.body


def downloaded(url: str) -> bytes:
    """Raises BadRequestError."""
    try:
        found = requests.get(url, timeout=_DOWNLOAD_SECONDS)
        found.raise_for_status()
    except requests.RequestException:
        message = "Content is not accessible: Could not download the file from the given URL."
        raise BadRequestError(ServiceFault("ContentSourceNotAccessible", message)) from None
    return found.content


# --- results ----------------------------------------------------------------------------------------


def analyze_result(version: Version, call: Call, service: EmulatorService) -> Response:
    job = stored_job(call, service, "analyze", "layout")
    found = service.result(job)
    return answer(200, result_body(version, job, found))


def result_body(version: Version, job: StoredJob, found: Analysis | None) -> encode_analysis.Json:
    """The answer to a poll, as it is, or as a batch writes it."""
    result = None if found is None else result_of(version, job.details, found)
    return encode_analysis.envelope(job.state, job.created, job.updated, result, job.fault)


def result_of(version: Version, details: dict[str, Any], found: Analysis) -> encode_analysis.Json:
    model_id, index = str(details["model"]), str(details["index"])
    if model_id in READERS:
        tables = model_id == "prebuilt-layout"
        return encode_analysis.layout_result(
            found.layout, version, model_id=model_id, index=index, tables=tables
        )
    types = read_types(details["types"])
    told = Analysis(found.layout, tuple(typed(document, model_id, types) for document in found.documents))
    fields = {f"{model_id}:{kind.name}": kind.fields for kind in types}
    return encode_analysis.model_result(told, version, model_id=model_id, index=index, fields=fields)


def typed(document: AnalyzedDocument, model_id: str, types: tuple[DocumentType, ...]) -> AnalyzedDocument:
    """A document's type is told as `{model}:{type}`, the type being the class by which it was sorted or else
    that of the component that analyzed it."""
    known = {kind.name: kind.name for kind in types} | {
        kind.model_id or model_id: kind.name for kind in types
    }
    name = known.get(document.doc_type, document.doc_type)
    return AnalyzedDocument(
        f"{model_id}:{name}",
        document.first_page,
        document.last_page,
        document.values,
        document.confidence,
        document.model_id,
    )


def delete_result(version: Version, call: Call, service: EmulatorService) -> Response:
    service.store.delete_job(stored_job(call, service, "analyze", "layout").id)
    return answer(204)


def no_output(version: Version, call: Call, service: EmulatorService) -> Response:
    """Searchable PDFs and figures."""
    stored_job(call, service, "analyze", "layout")
    raise not_done("output beside the result")


_MODEL = "documentModels/{model}"
_RESULT = f"{_MODEL}/analyzeResults/{{job}}"

ROUTES = [
    *routes(
        ("analyze", "POST", f"{_MODEL}:analyze", "analyze", analyze),
        ("analyze-result", "GET", _RESULT, "get", analyze_result),
    ),
    *routes(
        ("delete-result", "DELETE", _RESULT, "manage", delete_result),
        ("result-pdf", "GET", f"{_RESULT}/pdf", "get", no_output),
        ("result-figure", "GET", f"{_RESULT}/figures/{{figure}}", "get", no_output),
        since="2024-11-30",
    ),
]
