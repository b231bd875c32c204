"""Batches (2024-11-30) and classifiers (since 2023-07-31) of Document Intelligence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast
from urllib.parse import quote

from starlette.responses import Response

from pipeline.emulator import classifier, work
from pipeline.emulator.container import SignedContainer
from pipeline.emulator.document_intelligence import (
    FAMILY,
    accepted,
    begun,
    details_of,
    index_of,
    listed,
    model_of,
    paged,
    require_new,
    result_body,
    result_job,
    routes,
    taken,
)
from pipeline.emulator.routing import Call, Route, answer
from pipeline.emulator.service import EmulatorService, training_fault
from pipeline.emulator.store import StoredJob, StoredModel
from pipeline.errors import DocumentError, FormpipeError, RowError
from pipeline.remote import Analysis, BatchItem, ServiceFault, ServiceModel
from pipeline.training.listing import sort_names
from pipeline.types import Layout
from pipeline.wire.document_intelligence import encode, encode_analysis
from pipeline.wire.document_intelligence.server_requests import (
    BadRequestError,
    BlobSource,
    read_source,
    require_id,
)
from pipeline.wire.document_intelligence.versions import VERSIONS, Version

_MOST_FILES = 10_000


# --- batches ----------------------------------------------------------------------------------------


def analyze_batch(version: Version, call: Call, service: EmulatorService) -> Response:
    stored = model_of(call, service, call.path["model"], "labelled", "unlabelled", "composed")
    body = call.json()
    source = cast(BlobSource, read_source(body))
    result = str(body.get("resultContainerUrl") or "")
    if not result:
        raise BadRequestError(ServiceFault("ParameterMissing", "resultContainerUrl is required."))
    details = {
        "prefix": str(body.get("resultPrefix") or ""),
        "overwrite": bool(body.get("overwriteExisting")),
    }
    job = service.new_job(
        call.resource, "batch", FAMILY, stored.model.model_id, version=version.name, **details
    )
    service.run(job, lambda each: _carry_out(each, stored, source, result, service))
    path = f"documentModels/{stored.model.model_id}/analyzeBatchResults/{job.id}"
    return accepted(version, f"{call.endpoint}{version.base}/{path}?api-version={version.name}")


def _carry_out(
    job: StoredJob, stored: StoredModel, source: BlobSource, result_url: str, service: EmulatorService
) -> None:
    if not service.begin(job):
        return
    try:
        target = SignedContainer(result_url)
        there = {blob.path for blob in target.list("", str(job.details["prefix"]))}
        names = list(_names(source))
        items = [_one(job, stored, name, source, target, there, service, result_url) for name in names]
    except FormpipeError as error:
        fault = training_fault(error)
        service.end(job, ServiceFault("InvalidSasToken", fault.message, fault.target), items=[])
        return
    service.end(job, None, items=items)


def _names(source: BlobSource) -> Iterator[str]:
    paths = listed(source)
    if paths is not None:
        yield from paths[:_MOST_FILES]
        return
    names = sort_names(SignedContainer(source.url).list("", source.prefix), leave_out=[])
    yield from (blob.path for blob in names.others)


def _one(
    job: StoredJob,
    stored: StoredModel,
    name: str,
    source: BlobSource,
    target: SignedContainer,
    there: set[str],
    service: EmulatorService,
    result_url: str,
) -> encode.Json:
    path = f"{job.details['prefix']}{name}.ocr.json"
    links = (_blob_url(source.url, name), _blob_url(result_url, path))
    if path in there and not job.details["overwrite"]:
        exists = ServiceFault("OutputExists", "The output file already exists.")
        return encode_analysis.batch_item(BatchItem(name, "skipped", fault=exists), *links)
    try:
        content = SignedContainer(source.url).read("", name)
        child = replace(job, id=f"{job.id}-item", kind="analyze", state="succeeded")
        file = service.store.input(child.id)
        file.write_bytes(content)
        models = tuple(stored.model.components) or (stored.model.model_id,)
        task = work.ReadTask(file, service.store.folder / "bundles", models)
        analysis = cast(Analysis, service.perform(task, service.options.document_seconds))
        service.store.put_result(child.id, analysis)
        body = result_body(VERSIONS[str(job.details["version"])], child, service)
        target.write("", path, json.dumps(body, ensure_ascii=False).encode())
    except DocumentError as error:
        fault = ServiceFault(
            "InvalidContent", f"The file is corrupted or format is unsupported ({error.reason})."
        )
        return encode_analysis.batch_item(BatchItem(name, "failed", fault=fault), *links)
    return encode_analysis.batch_item(BatchItem(name, "succeeded"), *links)


def _blob_url(container_url: str, path: str) -> str:
    """Without the signature."""
    return f"{container_url.partition('?')[0]}/{quote(path)}"


def batch_result(version: Version, call: Call, service: EmulatorService) -> Response:
    return answer(200, _batch(result_job(call, service, "batch")))


def list_batches(version: Version, call: Call, service: EmulatorService) -> Response:
    jobs = [job for job in service.store.jobs() if job.kind == "batch" and job.resource == call.resource]
    items = [_batch(job) for job in jobs if job.model_id == call.path["model"]]
    return paged(version, call, items, f"documentModels/{call.path['model']}/analyzeBatchResults")


def delete_batch(version: Version, call: Call, service: EmulatorService) -> Response:
    service.store.delete_job(result_job(call, service, "batch").id)
    return answer(204)


def _batch(job: StoredJob) -> encode.Json:
    items = cast(list[dict[str, Any]], job.details.get("items") or [])
    return encode_analysis.batch(job.id, job.state, job.created, job.updated, items, job.fault)


# --- classifiers ------------------------------------------------------------------------------------


def build_classifier(version: Version, call: Call, service: EmulatorService) -> Response:
    body = call.json()
    told = body if isinstance(body, dict) else {}
    name = require_id(told.get("classifierId"), "classifierId")
    kinds = told.get("docTypes")
    if not isinstance(kinds, dict) or len(kinds) < classifier.LEAST_CLASSES:
        raise BadRequestError(
            ServiceFault("InvalidParameter", "At least two docTypes are required.", "docTypes")
        )
    sources = {str(kind): cast(BlobSource, read_source(each)) for kind, each in kinds.items()}
    require_new(call, service, name, bool(told.get("allowOverwrite")))
    kept = {
        kind: {"containerUrl": source.url.partition("?")[0], "prefix": source.prefix}
        for kind, source in sources.items()
    }
    now = service.now
    model = ServiceModel(
        name, "creating", description=str(told.get("description") or ""), api_version=version.name,
        created_at=now, updated_at=now,
    )  # fmt: skip
    stored = StoredModel(call.resource, "classifier", FAMILY, model, {"docTypes": kept})
    service.store.put_model(stored)
    job = service.new_job(call.resource, "classify", FAMILY, name)
    service.run(job, lambda each: _learn(each, stored, sources, service))
    return begun(version, call, job)


def _learn(
    job: StoredJob, stored: StoredModel, sources: dict[str, BlobSource], service: EmulatorService
) -> None:
    if not service.begin(job):
        return
    try:
        texts = {kind: list(_texts(source, service, job)) for kind, source in sources.items()}
        few = [kind for kind, each in texts.items() if len(each) < classifier.LEAST_DOCUMENTS]
        if few:
            raise RowError(f"too few documents of {', '.join(few)}", reason="training-content-missing")
    except FormpipeError as error:
        service.store.put_model(replace(stored, model=replace(stored.model, state="invalid")))
        service.end(job, ServiceFault("TrainingContentMissing", f"Training data is missing: {error}"))
        return
    classifier.keep(texts, service.store.bundle(stored.model.model_id))
    service.store.put_model(replace(stored, model=replace(stored.model, state="ready")))
    service.end(job)


def _texts(source: BlobSource, service: EmulatorService, job: StoredJob) -> Iterator[str]:
    container = SignedContainer(source.url)
    for name in _names(source):
        file = service.store.input(f"{job.id}-page")
        file.write_bytes(container.read("", name))
        task = work.ReadTask(file, service.store.folder / "bundles")
        analysis = cast(Analysis, service.perform(task, service.options.document_seconds))
        yield analysis.layout.text


def get_classifier(version: Version, call: Call, service: EmulatorService) -> Response:
    return answer(
        200, details_of(version, model_of(call, service, call.path["model"], "classifier"), service)
    )


def list_classifiers(version: Version, call: Call, service: EmulatorService) -> Response:
    stored = [m for m in service.store.models(call.resource) if m.shape == "classifier"]
    items = [details_of(version, each, service) for each in stored if each.model.state == "ready"]
    return paged(version, call, items, "documentClassifiers")


def delete_classifier(version: Version, call: Call, service: EmulatorService) -> Response:
    stored = model_of(call, service, call.path["model"], "classifier")
    service.store.delete_model(call.resource, stored.model.model_id)
    return answer(204)


def classify(version: Version, call: Call, service: EmulatorService) -> Response:
    stored = model_of(call, service, call.path["model"], "classifier")
    job_id = taken(call, service)
    split = call.query.get("split") or ("auto" if not version.classifier_compose else "none")
    details = {"classifier": stored.model.model_id, "index": index_of(call), "split": split}
    service.start_reading(job_id, call.resource, FAMILY, details=details)
    path = f"documentClassifiers/{stored.model.model_id}/analyzeResults/{job_id}"
    return accepted(version, f"{call.endpoint}{version.base}/{path}?api-version={version.name}")


def classify_result(version: Version, call: Call, service: EmulatorService) -> Response:
    job = result_job(call, service, "layout")
    analysis = service.store.result(job.id) if job.state == "succeeded" else None
    if analysis is None:
        return answer(200, encode_analysis.envelope(job.state, job.created, job.updated, fault=job.fault))
    name = str(job.details["classifier"])
    found = _classified(analysis.layout, name, str(job.details["split"]), service)
    result = encode_analysis.classification(version, name, str(job.details["index"]), found, analysis.layout)
    return answer(200, encode_analysis.envelope("succeeded", job.created, job.updated, result))


def _classified(
    layout: Layout, name: str, split: str, service: EmulatorService
) -> list[tuple[str, float, list[int]]]:
    """One document for the whole file; `perPage` one for each page; `auto` joins neighbours of one class."""
    bundle = service.store.bundle(name)
    if split == "none" or len(layout.pages) < 2:
        kind, chance = classifier.classify(bundle, layout.text)
        return [(kind, chance, [page.number for page in layout.pages])]
    found: list[tuple[str, float, list[int]]] = []
    for page in layout.pages:
        kind, chance = classifier.classify(bundle, "\n".join(line.text for line in page.lines))
        if split == "auto" and found and found[-1][0] == kind:
            found[-1] = (kind, min(found[-1][1], chance), [*found[-1][2], page.number])
        else:
            found.append((kind, chance, [page.number]))
    return found


_ONE = "documentClassifiers/{model}"
_BATCHES = "documentModels/{model}/analyzeBatchResults"

ROUTES: list[Route] = [
    *routes(
        ("build-classifier", "POST", "documentClassifiers:build", "manage", build_classifier),
        ("list-classifiers", "GET", "documentClassifiers", "list", list_classifiers),
        ("get-classifier", "GET", _ONE, "manage", get_classifier),
        ("delete-classifier", "DELETE", _ONE, "manage", delete_classifier),
        ("classify", "POST", f"{_ONE}:analyze", "analyze", classify),
        ("classify-result", "GET", f"{_ONE}/analyzeResults/{{job}}", "get", classify_result),
        since="2023-07-31",
    ),
    *routes(
        ("analyze-batch", "POST", "documentModels/{model}:analyzeBatch", "analyze", analyze_batch),
        ("list-batches", "GET", _BATCHES, "list", list_batches),
        ("batch-result", "GET", f"{_BATCHES}/{{job}}", "get", batch_result),
        ("delete-batch", "DELETE", f"{_BATCHES}/{{job}}", "manage", delete_batch),
        since="2024-11-30",
    ),
]
