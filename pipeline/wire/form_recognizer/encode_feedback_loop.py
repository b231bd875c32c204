"""What the feedback loop (v2.0-preview, October 2019) says: trainings, layouts and analyses as operations
with Pascal-case states. Only its documentation exists (CONTRACTS 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pipeline.remote import Analysis, ServiceFault, ServiceModel, ServiceModelState, TrainedDocument
from pipeline.types import FieldSpec, Layout
from pipeline.wire.form_recognizer.encode_elements import elements
from pipeline.wire.form_recognizer.encode_fields import FieldWriter
from pipeline.wire.form_recognizer.encode_layout import read_results, result_version
from pipeline.wire.form_recognizer.versions import VERSIONS

Json = dict[str, Any]

_VERSION = VERSIONS["v2.0-preview"]
_TRAININGS: Mapping[ServiceModelState, str] = {
    "creating": "Running",
    "ready": "Succeeded",
    "invalid": "Failed",
}
_STATES = {
    "notStarted": "NotStarted",
    "running": "Running",
    "succeeded": "Succeeded",
    "failed": "Failed",
}
_DOCUMENT_STATES = {
    "succeeded": "Success",
    "partiallySucceeded": "PartialSuccess",
    "failed": "Failure",
}
_DOC_TYPE = "Analyze "
"""As documented, with the blank at its end."""


def training(model: ServiceModel) -> Json:
    """The operation that trains a model."""
    created = model.created_at or model.updated_at or datetime.fromtimestamp(0, UTC)
    body = _operation(_TRAININGS[model.state], created, model.updated_at or created)
    return body if model.state == "creating" else body | {"trainResult": _train_result(model)}


def public_training(model: ServiceModel, body: Json) -> Json:
    """`body`, the model as the public preview tells it, with its state where the published code of the
    feedback loop looks for it, as v1.0-preview had it."""
    return {"modelId": model.model_id, "status": model.state} | body


def analysis(
    state: str,
    created: datetime,
    updated: datetime,
    found: Analysis | None = None,
    fields: Sequence[FieldSpec] = (),
    *,
    details: bool = False,
    fault: ServiceFault | None = None,
) -> Json:
    """The operation that analyzes a form. `details`: with what was read on the pages."""
    body = _operation(_STATES[state], created, updated)
    if fault is not None:
        return body | {"analyzeResult": _failed(fault)}
    return body if found is None else body | {"analyzeResult": _analyze_result(found, fields, details)}


def layout(
    state: str,
    created: datetime,
    updated: datetime,
    read: Layout | None = None,
    fault: ServiceFault | None = None,
) -> Json:
    """The operation of `readLayout`: lines and words, and nothing else."""
    body = _operation(_STATES[state], created, updated)
    if fault is not None:
        return body | {"analyzeResult": _failed(fault)}
    if read is None:
        return body
    pages = read_results(read, _VERSION, lines=True)
    return body | {"analyzeResult": {"version": result_version(_VERSION), "readResults": pages}}


def _operation(state: str, created: datetime, updated: datetime) -> Json:
    return {"status": state, "createdDateTime": _stamp(created), "lastUpdatedDateTime": _stamp(updated)}


def _stamp(time: datetime) -> str:
    """To a tenth of a microsecond, with an offset."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0+00:00")


def _train_result(model: ServiceModel) -> Json:
    errors = [{"code": fault.code, "message": fault.message} for fault in model.faults]
    body: Json = {
        "modelId": model.model_id,
        "trainingDocuments": [_document(document) for document in model.documents],
    }
    if model.accuracies:
        body["trainingFields"] = {
            "fields": [{"fieldName": name, "accuracy": accuracy} for name, accuracy in model.accuracies],
            "averageModelAccuracy": model.average_accuracy,
        }
    return body | {"errors": errors}


def _document(document: TrainedDocument) -> Json:
    return {
        "documentName": document.name,
        "pages": document.pages,
        "status": _DOCUMENT_STATES[document.state],
    }


def _analyze_result(found: Analysis, fields: Sequence[FieldSpec], details: bool) -> Json:
    places = elements(found.layout) if details else None
    writer = FieldWriter(_VERSION, {spec.name: spec for spec in fields}, places)
    body: Json = {"version": result_version(_VERSION)}
    if details:
        body["readResults"] = read_results(found.layout, _VERSION, lines=True)
    documents = [
        {
            "docType": _DOC_TYPE,
            "pageRange": [document.first_page, document.last_page],
            "fields": writer.fields(document.values),
        }
        for document in found.documents
    ]
    return body | {"documentResults": documents}


def _failed(fault: ServiceFault) -> Json:
    return {
        "version": result_version(_VERSION),
        "errors": [{"code": fault.code, "message": fault.message}],
    }
