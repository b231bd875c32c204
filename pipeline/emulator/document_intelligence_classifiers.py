"""Document Intelligence since 3.1: classifiers are built and sort what is in a file (CONTRACTS 3.1, 3.3).
They learn from the layouts beside the documents, which must be there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from starlette.responses import Response

from pipeline.emulator import classifier
from pipeline.emulator.container import UNREADABLE, SignedContainer
from pipeline.emulator.document_intelligence_documents import taken
from pipeline.emulator.document_intelligence_models import details_of, listed
from pipeline.emulator.document_intelligence_operations import source_fault
from pipeline.emulator.document_intelligence_routing import (
    FAMILY,
    accepted,
    begun,
    paged,
    require_new,
    routes,
    stored_job,
    stored_model,
)
from pipeline.emulator.routing import Call, answer
from pipeline.emulator.service import EmulatorService
from pipeline.emulator.sorting import Sorting, write_sorting
from pipeline.emulator.store import StoredJob, StoredModel
from pipeline.errors import FormpipeError, RowError
from pipeline.remote import ServiceFault, ServiceModel
from pipeline.training.layouts import read_layout
from pipeline.training.listing import LAYOUT
from pipeline.wire.document_intelligence import encode_analysis
from pipeline.wire.document_intelligence.server_queries import read_index, read_pages, read_split
from pipeline.wire.document_intelligence.server_requests import ClassifierRequest, read_classifier
from pipeline.wire.document_intelligence.server_sources import BlobSource
from pipeline.wire.document_intelligence.versions import Version

# --- build ------------------------------------------------------------------------------------------


def build(version: Version, call: Call, service: EmulatorService) -> Response:
    asked = read_classifier(call.json(), version, classifier.LEAST_CLASSES)
    named, now = asked.named, service.now
    require_new(call, service, named.model_id, overwrite=asked.overwrite and version.model_extras)
    base = stored_model(call, service, asked.base, "classifier") if asked.base else None
    files = {kind: listed(source) for kind, source in asked.sources.items()}
    job = service.new_job(call.resource, "classify", FAMILY, named.model_id)
    stored = StoredModel(
        call.resource,
        "classifier",
        FAMILY,
        ServiceModel(
            named.model_id,
            "creating",
            description=named.description,
            api_version=version.name,
            created_at=now,
            updated_at=now,
        ),
        _details(asked, base),
        {named.model_id: job.id},
    )
    service.store.put_model(stored)
    service.run(job, lambda each: _learn(each, stored, asked, files, base, service))
    return begun(version, call, job)


def _details(asked: ClassifierRequest, base: StoredModel | None) -> dict[str, object]:
    sources = base.details.get("sources", {}) if base else {}
    told = {kind: source.told for kind, source in asked.sources.items()}
    return {"sources": sources | told, "base": asked.base, "tags": asked.named.tags}


def _learn(
    job: StoredJob,
    stored: StoredModel,
    asked: ClassifierRequest,
    files: dict[str, tuple[str, ...] | None],
    base: StoredModel | None,
    service: EmulatorService,
) -> None:
    if not service.begin(job):
        return
    try:
        texts = {
            kind: list(layout_texts(source, files[kind])) for kind, source in asked.sources.items()
        } | _from(base, service)
        _require_enough(texts)
    except FormpipeError as error:
        service.fail(job, _fault(error))
        return
    classifier.keep(texts, service.store.bundle(job.id))
    service.store.put_model(replace(stored, model=replace(stored.model, state="ready")))
    service.end(job)


def layout_texts(source: BlobSource, files: tuple[str, ...] | None) -> Iterator[str]:
    """The text of each document of a class that has its layout beside it. Raises RowError."""
    container = SignedContainer(source.url)
    names = {blob.path for blob in container.list("", source.prefix)} if files is None else set()
    if files is not None:
        names = {*files, *(f"{file}{LAYOUT}" for file in files)}
    for name in sorted(names):
        if name.endswith(LAYOUT) and name.removesuffix(LAYOUT) in names:
            found = read_layout(container.read("", name), "").layout
            if found is not None:
                yield found.text


def _from(base: StoredModel | None, service: EmulatorService) -> dict[str, list[str]]:
    """What the classifier learned that this one goes on from."""
    return classifier.kept(service.store.bundle(next(iter(base.bundles.values())))) if base else {}


def _require_enough(texts: dict[str, list[str]]) -> None:
    few = [kind for kind, each in texts.items() if len(each) < classifier.LEAST_DOCUMENTS]
    if few:
        raise RowError(
            f"fewer than {classifier.LEAST_DOCUMENTS} documents with an .ocr.json beside them: "
            f"{', '.join(few)}",
            reason="training-content-missing",
        )


def _fault(error: FormpipeError) -> ServiceFault:
    if error.reason == UNREADABLE:
        return source_fault(str(error))
    return ServiceFault("TrainingContentMissing", f"Training data is missing: {error}.")


# --- get, list, delete ------------------------------------------------------------------------------


def get_classifier(version: Version, call: Call, service: EmulatorService) -> Response:
    return answer(200, details_of(version, stored_model(call, service, call.path["model"], "classifier")))


def list_classifiers(version: Version, call: Call, service: EmulatorService) -> Response:
    stored = [each for each in service.store.models(call.resource) if each.shape == "classifier"]
    items = [details_of(version, each) for each in stored if each.model.state == "ready"]
    return paged(version, call, items, "documentClassifiers")


def delete_classifier(version: Version, call: Call, service: EmulatorService) -> Response:
    stored = stored_model(call, service, call.path["model"], "classifier")
    service.store.delete_model(call.resource, stored.model.model_id)
    return answer(204)


# --- classify ---------------------------------------------------------------------------------------


def classify(version: Version, call: Call, service: EmulatorService) -> Response:
    """3.1 splits files as `auto` does."""
    stored = stored_model(call, service, call.path["model"], "classifier")
    later = version.classifier_compose
    split = read_split(call.query.get("split"), "none") if later else "auto"
    pages = read_pages(call.query.get("pages")) if later else ()
    index = read_index(call.query)
    job_id = taken(call, service, pages)
    sorting = Sorting(next(iter(stored.bundles.values())), split)
    details = {"model": stored.model.model_id, "index": index, "sorting": write_sorting(sorting)}
    service.start_reading(job_id, call.resource, FAMILY, pages=pages, details=details)
    return accepted(version, call, f"documentClassifiers/{stored.model.model_id}/analyzeResults/{job_id}")


def classify_result(version: Version, call: Call, service: EmulatorService) -> Response:
    job = stored_job(call, service, "layout")
    found = service.result(job)
    result = None
    if found is not None:
        name, index = str(job.details["model"]), str(job.details["index"])
        result = encode_analysis.classification(found, version, classifier_id=name, index=index)
    return answer(200, encode_analysis.envelope(job.state, job.created, job.updated, result, job.fault))


_ONE = "documentClassifiers/{model}"

ROUTES = routes(
    ("build-classifier", "POST", "documentClassifiers:build", "manage", build),
    ("list-classifiers", "GET", "documentClassifiers", "list", list_classifiers),
    ("get-classifier", "GET", _ONE, "manage", get_classifier),
    ("delete-classifier", "DELETE", _ONE, "manage", delete_classifier),
    ("classify", "POST", f"{_ONE}:analyze", "analyze", classify),
    ("classify-result", "GET", f"{_ONE}/analyzeResults/{{job}}", "get", classify_result),
    since="2023-07-31",
)
