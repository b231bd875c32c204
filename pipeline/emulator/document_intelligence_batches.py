"""Document Intelligence 4.0: batches, which analyze files of a container and leave the results in another
(CONTRACTS 3.3). A batch goes on file by file, and can be asked how far it is."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, cast
from urllib.parse import quote

from starlette.responses import Response

from pipeline.emulator import work
from pipeline.emulator.container import UNREADABLE, SignedContainer
from pipeline.emulator.document_intelligence_documents import reading_details, reading_model, result_body
from pipeline.emulator.document_intelligence_models import listed
from pipeline.emulator.document_intelligence_operations import source_fault
from pipeline.emulator.document_intelligence_routing import FAMILY, accepted, paged, routes, stored_job
from pipeline.emulator.routing import Call, answer
from pipeline.emulator.service import EmulatorService
from pipeline.emulator.sorting import read_sorting
from pipeline.emulator.store import StoredJob
from pipeline.errors import DocumentError, FormpipeError
from pipeline.remote import Analysis, BatchItem, ServiceFault
from pipeline.training.listing import sort_names
from pipeline.wire.document_intelligence import encode_analysis
from pipeline.wire.document_intelligence.server_queries import read_reading
from pipeline.wire.document_intelligence.server_refusals import BadRequestError
from pipeline.wire.document_intelligence.server_requests import BatchRequest, read_batch
from pipeline.wire.document_intelligence.server_sources import BlobSource
from pipeline.wire.document_intelligence.versions import Version

_MOST_FILES = 10_000
_EXISTS = ServiceFault("OutputExists", "The output file already exists.")


@dataclass(frozen=True, slots=True)
class _Batch:
    """A batch under way. `there`: what the result container held before."""

    version: Version
    asked: BatchRequest
    source: SignedContainer
    target: SignedContainer
    there: frozenset[str]
    service: EmulatorService


def analyze_batch(version: Version, call: Call, service: EmulatorService) -> Response:
    stored = reading_model(call, service)
    reading = read_reading(call.query, version)
    asked = read_batch(call.json(), version)
    files = listed(asked.source)
    model_id = call.path["model"]
    details = reading_details(model_id, stored, reading) | {
        "pages": list(reading.pages),
        "models": stored.bundles if stored else {},
        "items": [],
    }
    job = service.new_job(call.resource, "batch", FAMILY, stored.model.model_id if stored else "", **details)
    service.run(job, lambda each: _carry_out(each, version, asked, files, service))
    return accepted(version, call, f"documentModels/{model_id}/analyzeBatchResults/{job.id}")


def _carry_out(
    job: StoredJob,
    version: Version,
    asked: BatchRequest,
    files: tuple[str, ...] | None,
    service: EmulatorService,
) -> None:
    if not service.begin(job):
        return
    items: list[encode_analysis.Json] = []
    try:
        names = list(_names(asked.source, files))
        if len(names) > _MOST_FILES:
            message = f"A batch has no more than {_MOST_FILES} files."
            service.end(job, ServiceFault("InvalidParameter", message, "azureBlobSource"))
            return
        target = SignedContainer(asked.result_url)
        there = frozenset(blob.path for blob in target.list("", asked.prefix))
        batch = _Batch(version, asked, SignedContainer(asked.source.url), target, there, service)
        items = [
            encode_analysis.batch_item(BatchItem(name, "notStarted"), *_links(batch, name)) for name in names
        ]
        for n, name in enumerate(names):
            items[n] = encode_analysis.batch_item(_one(batch, job, name), *_links(batch, name))
            service.go_on(job, items=items)
    except FormpipeError as error:
        service.end(job, _fault(error), items=items)
        return
    service.end(job, items=items)


def _names(source: BlobSource, files: tuple[str, ...] | None) -> Iterator[str]:
    if files is not None:
        yield from files
        return
    names = sort_names(SignedContainer(source.url).list("", source.prefix))
    yield from (blob.path for blob in names.others)


def _one(batch: _Batch, job: StoredJob, name: str) -> BatchItem:
    """One file; what is wrong with it ends only it."""
    path = _result_path(batch, name)
    if path in batch.there and not batch.asked.overwrite:
        return BatchItem(name, "skipped", fault=_EXISTS)
    try:
        found = _read(batch, job, name)
    except DocumentError as error:
        message = f"The file is corrupted or format is unsupported ({error.reason})."
        return BatchItem(name, "failed", fault=ServiceFault("InvalidContent", message))
    done = replace(job, state="succeeded", updated=batch.service.now)
    body = result_body(batch.version, done, found)
    batch.target.write("", path, json.dumps(body, ensure_ascii=False).encode())
    return BatchItem(name, "succeeded", path)


def _read(batch: _Batch, job: StoredJob, name: str) -> Analysis:
    """Raises DocumentError."""
    service = batch.service
    file = service.store.input(str(uuid.uuid4()))
    try:
        file.write_bytes(batch.source.read("", name))
        task = work.ReadTask(
            file,
            models=tuple(job.details["models"].items()),
            pages=tuple(job.details["pages"]),
            most_pages=2 if service.options.tier == "F0" else work.MOST_PAGES,
            sorting=read_sorting(job.details.get("sorting")),
        )
        return cast(Analysis, service.perform(task, service.options.document_seconds))
    finally:
        file.unlink(missing_ok=True)


def _fault(error: FormpipeError) -> ServiceFault:
    if error.reason == UNREADABLE:
        return source_fault(str(error))
    return ServiceFault("InternalServerError", f"An unexpected error: {error.reason}.")


def _result_path(batch: _Batch, name: str) -> str:
    return f"{batch.asked.prefix}{name}.ocr.json"


def _links(batch: _Batch, name: str) -> tuple[str, str]:
    """URLs of a file and of its result, without the signatures."""
    containers = (batch.asked.source.url, batch.asked.result_url)
    paths = (name, _result_path(batch, name))
    source, result = (f"{c.partition('?')[0]}/{quote(p)}" for c, p in zip(containers, paths, strict=True))
    return source, result


# --- results ----------------------------------------------------------------------------------------


def batch_result(version: Version, call: Call, service: EmulatorService) -> Response:
    job = stored_job(call, service, "batch")
    items = cast(list[dict[str, Any]], job.details.get("items") or [])
    return answer(200, _told(job, items))


def list_batches(version: Version, call: Call, service: EmulatorService) -> Response:
    """Those of a model, without their files."""
    items = [_told(job, None) for job in service.store.jobs() if _is_one(call, job, service)]
    return paged(version, call, items, f"documentModels/{call.path['model']}/analyzeBatchResults")


def _is_one(call: Call, job: StoredJob, service: EmulatorService) -> bool:
    try:
        within = replace(call, path={**call.path, "job": job.id})
        return stored_job(within, service, "batch").id == job.id
    except BadRequestError:
        return False


def delete_batch(version: Version, call: Call, service: EmulatorService) -> Response:
    service.store.delete_job(stored_job(call, service, "batch").id)
    return answer(204)


def _told(job: StoredJob, items: list[dict[str, Any]] | None) -> encode_analysis.Json:
    return encode_analysis.batch(job.id, job.state, job.created, job.updated, items, job.fault)


_BATCHES = "documentModels/{model}/analyzeBatchResults"

ROUTES = routes(
    ("analyze-batch", "POST", "documentModels/{model}:analyzeBatch", "analyze", analyze_batch),
    ("list-batches", "GET", _BATCHES, "list", list_batches),
    ("batch-result", "GET", f"{_BATCHES}/{{job}}", "get", batch_result),
    ("delete-batch", "DELETE", f"{_BATCHES}/{{job}}", "manage", delete_batch),
    since="2024-11-30",
)
