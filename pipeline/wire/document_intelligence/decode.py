"""What Document Intelligence answers -> records (CONTRACTS 3.2 to 3.4). Members that are unknown, null or
missing are passed over; an answer that makes no sense is a named error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from pipeline.errors import DocumentError, FormpipeError, RowError
from pipeline.remote import (
    Analysis,
    AnalyzedDocument,
    BatchItem,
    CopyAuthorization,
    ModelQuota,
    OperationEnd,
    OperationState,
    ServiceFault,
    ServiceModel,
)
from pipeline.types import FieldSpec, FieldType, Layout
from pipeline.wire.document_intelligence.decode_fields import field_values
from pipeline.wire.document_intelligence.decode_layout import layout, region
from pipeline.wire.stamps import stamp

Json = Mapping[str, Any]

UNNAMED = "unknown"
_ENDS: Mapping[str, OperationEnd] = {
    "succeeded": "succeeded",
    "completed": "succeeded",
    "failed": "failed",
    "canceled": "failed",
    "cancelled": "failed",
}
_TYPES = {"string", "number", "integer", "currency", "date", "time", "phoneNumber", "selectionMark"}
_BATCH_STATES = {"succeeded", "failed", "skipped", "running", "notStarted"}
_DEEPEST = 20


def analysis(result: Json) -> Analysis:
    """An `analyzeResult`: of a model, of a layout, or of a classifier."""
    documents = tuple(_document(item) for item in result.get("documents") or ())
    return Analysis(layout(result), documents, str(result.get("modelId") or ""))


def layout_from_result(body: Json) -> Layout:
    """The layout in a whole answer, or in its `analyzeResult` alone. Raises DocumentError
    `layout-unreadable`."""
    with _reading("a layout", DocumentError, "layout-unreadable"):
        result = body.get("analyzeResult", body)
        if not isinstance(result.get("pages"), list):
            raise ValueError("no pages")
        return layout(result)


def operation_state(body: Json) -> OperationState:
    """Where an analysis, a batch, or a build, compose or copy stands, by the answer to its poll.

    Raises `answer-unreadable`: DocumentError for the result of a document, RowError for the others.
    """
    if "analyzeResult" in body or "kind" not in body:
        batch = isinstance(body.get("result"), Mapping) and "details" in body["result"]
        if batch or "resultId" in body:
            with _reading("the result of a batch"):
                return _batch(body)
        if "docTypes" in body or ("modelId" in body and "status" not in body):
            return OperationState("succeeded", model=model(body))
        with _reading("the result of a document", DocumentError):
            return _analyzing(body)
    with _reading("an operation"):
        return _operating(body)


def model(body: Json) -> ServiceModel:
    """A model or classifier as it is described, got or listed."""
    with _reading("a model"):
        types = body.get("docTypes") or {}
        fields = {name: spec for kind in types.values() for name, spec in _fields(kind)}
        accuracies = dict(pair for kind in types.values() for pair in _accuracies(kind))
        known = [value for value in accuracies.values() if value is not None]
        parts = [str(kind["modelId"]) for kind in types.values() if kind.get("modelId")]
        composed = bool(parts) or len(types) > 1 or bool(body.get("classifierId") and "modelId" in body)
        return ServiceModel(
            model_id=str(body.get("modelId") or body.get("classifierId") or ""),
            description=str(body.get("description") or ""),
            api_version=str(body.get("apiVersion") or ""),
            created_at=stamp(body.get("createdDateTime")),
            updated_at=stamp(body.get("modifiedDateTime") or body.get("createdDateTime")),
            expires_at=stamp(body.get("expirationDateTime")),
            composed=composed and "modelId" in body,
            components=tuple(parts) or (tuple(types) if len(types) > 1 and "modelId" in body else ()),
            fields=tuple(fields.values()),
            accuracies=tuple((name, value) for name, value in accuracies.items() if value is not None),
            average_accuracy=sum(known) / len(known) if known else None,
        )


def models_page(body: Json) -> tuple[tuple[ServiceModel, ...], str | None]:
    """A page of a list, and the URL of the next. The service's own prebuilt models are left out."""
    with _reading("a list of models"):
        items = [item for item in body.get("value") or () if not _prebuilt(item)]
        return tuple(model(item) for item in items), str(body.get("nextLink") or "") or None


def quota(body: Json) -> ModelQuota:
    with _reading("the quota"):
        custom = body["customDocumentModels"]
        return ModelQuota(int(custom["count"]), int(custom["limit"]))


def copy_authorization(body: Json) -> CopyAuthorization:
    with _reading("a copy authorisation"):
        target = body.get("targetModelId") or body.get("targetClassifierId")
        if not target:
            raise ValueError("no target")
        return CopyAuthorization(str(target), stamp(body.get("expirationDateTime")), dict(body))


def fault(body: object) -> ServiceFault:
    """The error in an answer that refuses, or of an operation: innermost code, its message and target."""
    told = body.get("error", body) if isinstance(body, Mapping) else body
    code, message, target = UNNAMED, "", ""
    level: Any = told
    for _ in range(_DEEPEST):
        if not isinstance(level, Mapping):
            break
        code = str(level.get("code") or code)
        message = str(level.get("message") or message)
        target = str(level.get("target") or target)
        details = level.get("details")
        level = level.get("innererror") or (details[0] if isinstance(details, list) and details else None)
    return ServiceFault(code, message, target)


def _faults(error: object) -> tuple[ServiceFault, ...]:
    """An error of several parts (pages, files) gives one fault for each."""
    if not isinstance(error, Mapping):
        return ()
    details = error.get("details")
    return tuple(map(fault, details)) if isinstance(details, list) and details else (fault(error),)


# --- answers to polls -------------------------------------------------------------------------------


def _end(body: Json) -> OperationEnd:
    return _ENDS.get(str(body.get("status") or "").lower(), "running")


def _analyzing(body: Json) -> OperationState:
    end, result = _end(body), body.get("analyzeResult")
    found = analysis(result) if end == "succeeded" and isinstance(result, Mapping) else None
    return OperationState(end, analysis=found, faults=_faults(body.get("error")))


def _operating(body: Json) -> OperationState:
    end, result = _end(body), body.get("result")
    made = model(result) if end == "succeeded" and isinstance(result, Mapping) else None
    return OperationState(end, model=made, faults=_faults(body.get("error")))


def _batch(body: Json) -> OperationState:
    result = body.get("result") or {}
    items = tuple(_item(item) for item in result.get("details") or ())
    return OperationState(_end(body), items=items, faults=_faults(body.get("error")))


def _item(item: Json) -> BatchItem:
    state = str(item.get("status") or "running")
    known = state if state in _BATCH_STATES else "running"
    told = item.get("error")
    return BatchItem(
        source_path=path_in_container(str(item.get("sourceUrl") or "")),
        state=cast(Any, known),
        result_path=path_in_container(str(item.get("resultUrl") or "")),
        fault=fault(told) if told else None,
    )


def path_in_container(url: str) -> str:
    """The path of a blob below its container; the account is in the path where the host is an address."""
    parts = urlsplit(url)
    segments = parts.path.lstrip("/").split("/")
    skipped = 2 if (parts.hostname or "").replace(".", "").isdigit() or parts.hostname == "localhost" else 1
    return unquote("/".join(segments[skipped:]))


# --- members ----------------------------------------------------------------------------------------


def _document(item: Json) -> AnalyzedDocument:
    pages = [int(each.get("pageNumber") or 1) for each in item.get("boundingRegions") or ()] or [1]
    confidence = item.get("confidence")
    first = region(item)[0] or 1
    kind = str(item.get("docType") or "")
    return AnalyzedDocument(
        doc_type=kind,
        first_page=min(pages),
        last_page=max(pages),
        values=tuple(field_values(item.get("fields"), first, confidence)),
        confidence=None if confidence is None else float(confidence),
        model_id=kind.partition(":")[0],
    )


def _fields(kind: Json) -> Iterator[tuple[str, FieldSpec]]:
    for name, schema in (kind.get("fieldSchema") or {}).items():
        told = str((schema or {}).get("type") or "string")
        if told not in ("array", "object"):
            yield name, FieldSpec(name, cast(FieldType, told if told in _TYPES else "string"))


def _accuracies(kind: Json) -> Iterator[tuple[str, float | None]]:
    """By field; `table: Item` is a column of a table."""
    for name, value in (kind.get("fieldConfidence") or {}).items():
        yield str(name).replace(": ", "/", 1), None if value is None else float(value)


def _prebuilt(item: Json) -> bool:
    return str(item.get("modelId") or "").startswith("prebuilt-")


@contextmanager
def _reading(
    what: str, kind: type[FormpipeError] = RowError, reason: str = "answer-unreadable"
) -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise kind(
            f"the service's answer is not {what} ({type(error).__name__}): check the row's endpoint and "
            "api_version",
            reason=reason,
        ) from None
