"""Document Intelligence: builds, compositions and copies as they are asked for (CONTRACTS 3.2)."""

from __future__ import annotations

from starlette.responses import Response

from pipeline.emulator.document_intelligence_models import details_of
from pipeline.emulator.document_intelligence_routing import FAMILY, paged, routes, stored_job, url_of
from pipeline.emulator.routing import Call, answer
from pipeline.emulator.service import EmulatorService
from pipeline.emulator.store import JobKind, StoredJob
from pipeline.remote import ServiceFault
from pipeline.wire.document_intelligence import encode
from pipeline.wire.document_intelligence.versions import Version

_KINDS: dict[JobKind, str] = {
    "train": "documentModelBuild",
    "compose": "documentModelCompose",
    "copy": "documentModelCopyTo",
    "classify": "documentClassifierBuild",
}
_CLASSIFIER_COPY = "documentClassifierCopyTo"
_NO_LAYOUTS = ("no-layouts", "nothing-to-train-on", "container-missing")


def get_operation(version: Version, call: Call, service: EmulatorService) -> Response:
    job = stored_job(call, service, *_KINDS)
    return answer(200, _operation(version, call, job, service, whole=True))


def list_operations(version: Version, call: Call, service: EmulatorService) -> Response:
    """What was begun in this family and is not forgotten; without results and errors."""
    jobs = [
        job
        for job in service.store.jobs()
        if job.family == FAMILY and service.job(call.resource, job.id, *_KINDS) is not None
    ]
    items = [_operation(version, call, job, service, whole=False) for job in jobs]
    return paged(version, call, items, "operations")


def _operation(
    version: Version, call: Call, job: StoredJob, service: EmulatorService, *, whole: bool
) -> encode.Json:
    """A copy makes a model in the resource that gave leave for it."""
    model_id = str(job.details.get("target") or job.model_id)
    made = service.store.model(str(job.details.get("target_resource") or job.resource), model_id)
    of_classifiers = job.kind == "classify" or job.details.get("shape") == "classifier"
    kind = "documentClassifiers" if of_classifiers else "documentModels"
    facts = encode.OperationFacts(
        operation_id=job.id,
        kind=_CLASSIFIER_COPY if job.kind == "copy" and of_classifiers else _KINDS[job.kind],
        status=job.state,
        created=job.created,
        updated=job.updated,
        location=url_of(version, call, f"{kind}/{model_id}"),
        tags=made.details.get("tags", {}) if made and job.kind != "copy" else {},
    )
    if not whole:
        return encode.operation(facts, version)
    result = details_of(version, made) if made and job.state == "succeeded" else None
    return encode.operation(facts, version, result=result, fault=_told(job))


def _told(job: StoredJob) -> ServiceFault | None:
    """A fault in this family's words."""
    if job.fault is None or job.kind == "classify":
        return job.fault
    if job.kind == "copy":
        return ServiceFault("AuthorizationFailed", f"Could not copy the model: {job.fault.message}")
    if job.fault.code == "2012":
        return source_fault(job.fault.target)
    no_layouts = job.fault.target in _NO_LAYOUTS
    why = "Can't find any OCR files for training." if no_layouts else job.fault.message
    return ServiceFault("ModelBuildError", f"Could not build the model: {why}")


def source_fault(told: str) -> ServiceFault:
    """What storage said of a container (status and code), in this family's words."""
    if told.startswith("403"):
        return ServiceFault("InvalidSasToken", f"Invalid SAS token: the storage account says {told}.")
    return ServiceFault("ContentSourceNotAccessible", f"Content is not accessible: {told}.")


ROUTES = routes(
    ("operations", "GET", "operations", "list", list_operations),
    ("operation", "GET", "operations/{job}", "get", get_operation),
)
