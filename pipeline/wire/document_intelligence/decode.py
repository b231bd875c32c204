"""What Document Intelligence answers -> records (CONTRACTS 3.2 to 3.4). Members that are unknown, null or
missing are passed over; an answer that makes no sense is a named error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from pipeline.errors import DocumentError, FormpipeError, RowError
from pipeline.remote import (
    BatchItem,
    CopyAuthorization,
    ModelQuota,
    OperationState,
    ServiceModel,
    ServiceOperation,
)
from pipeline.types import Layout
from pipeline.wire.document_intelligence.decode_analysis import analysis
from pipeline.wire.document_intelligence.decode_faults import fault, faults
from pipeline.wire.document_intelligence.decode_layout import layout
from pipeline.wire.document_intelligence.decode_models import end_of, read_model, read_operation
from pipeline.wire.stamps import stamp

__all__ = [
    "analysis",
    "copy_authorization",
    "fault",
    "layout_from_result",
    "model",
    "models_page",
    "operation_state",
    "operations_page",
    "path_in_container",
    "quota",
]

Json = Mapping[str, Any]

_MALFORMED = (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError, RecursionError)
_ITEM_STATES: Mapping[str, Literal["succeeded", "failed", "skipped", "running", "notStarted"]] = {
    "succeeded": "succeeded",
    "completed": "succeeded",
    "failed": "failed",
    "canceled": "failed",
    "cancelled": "failed",
    "skipped": "skipped",
    "notstarted": "notStarted",
}


def layout_from_result(body: Json) -> Layout:
    """The layout in a whole answer (what a `.ocr.json` holds), or in its `analyzeResult` alone. Raises
    DocumentError `layout-unreadable`."""
    with _reading("a layout", DocumentError, "layout-unreadable"):
        result = body.get("analyzeResult", body)
        if not isinstance(result.get("pages"), list):
            raise ValueError("no pages")
        return layout(result)


def operation_state(body: Json) -> OperationState:
    """Where an analysis, a classification, a batch, or a build, compose or copy stands, by the answer to its
    poll. What a service only warns of is among the faults of a success.

    Raises `answer-unreadable`: DocumentError for the result of a document, RowError for the others.
    """
    if "kind" in body or "operationId" in body:
        with _reading("an operation"):
            return _operating(body)
    if _is_batch(body):
        with _reading("the result of a batch"):
            return _batch(body)
    if "status" not in body and ("modelId" in body or "classifierId" in body):
        return OperationState("succeeded", model=model(body))
    with _reading("the result of a document", DocumentError):
        return _analyzing(body)


def model(body: Json) -> ServiceModel:
    """A model or classifier as it is described, got or listed. Raises RowError (`answer-unreadable`)."""
    with _reading("a model"):
        return read_model(body)


def models_page(body: Json) -> tuple[tuple[ServiceModel, ...], str | None]:
    """A page of a list of models or classifiers, and the URL of the next. The service's own prebuilt models
    are left out. Raises RowError (`answer-unreadable`)."""
    with _reading("a list of models"):
        items = [item for item in body.get("value") or () if not _prebuilt(item)]
        return tuple(read_model(item) for item in items), _next(body)


def operations_page(body: Json) -> tuple[tuple[ServiceOperation, ...], str | None]:
    """A page of a list of operations, and the URL of the next. Raises RowError (`answer-unreadable`)."""
    with _reading("a list of operations"):
        return tuple(map(read_operation, body.get("value") or ())), _next(body)


def quota(body: Json) -> ModelQuota:
    """The custom models of a resource. Raises RowError (`answer-unreadable`)."""
    with _reading("the quota"):
        custom = body["customDocumentModels"]
        return ModelQuota(int(custom["count"]), int(custom["limit"]))


def copy_authorization(body: Json) -> CopyAuthorization:
    """Leave to copy a model or a classifier. Raises RowError (`answer-unreadable`)."""
    with _reading("a copy authorisation"):
        target = body.get("targetModelId") or body["targetClassifierId"]
        return CopyAuthorization(str(target), stamp(body.get("expirationDateTime")), dict(body))


# --- answers to polls -------------------------------------------------------------------------------


def _operating(body: Json) -> OperationState:
    end, result = end_of(body), body.get("result")
    made = read_model(result) if end == "succeeded" and result else None
    return OperationState(end, model=made, faults=faults(body.get("error")))


def _analyzing(body: Json) -> OperationState:
    end, result = end_of(body), body.get("analyzeResult")
    if end != "succeeded" or not result:
        return OperationState(end, faults=faults(body.get("error")))
    return OperationState(end, analysis=analysis(result), faults=faults(result.get("warnings")))


def _is_batch(body: Json) -> bool:
    """One that runs may have no result yet, but it has an id, which no analysis has."""
    result = body.get("result")
    return "resultId" in body or (isinstance(result, Mapping) and "details" in result)


def _batch(body: Json) -> OperationState:
    result = body.get("result") or {}
    items = tuple(_item(item) for item in result.get("details") or ())
    return OperationState(end_of(body), items=items, faults=faults(body.get("error")))


def _item(item: Json) -> BatchItem:
    told = item.get("error")
    return BatchItem(
        source_path=path_in_container(str(item.get("sourceUrl") or "")),
        state=_ITEM_STATES.get(str(item.get("status") or "").lower(), "running"),
        result_path=path_in_container(str(item.get("resultUrl") or "")),
        fault=fault(told) if told else None,
    )


def path_in_container(url: str) -> str:
    """The path of a blob below its container, from its URL without the signature."""
    parts = urlsplit(url)
    segments = parts.path.lstrip("/").split("/")
    return unquote("/".join(segments[2 if _account_in_path(parts.hostname or "") else 1 :]))


def _account_in_path(host: str) -> bool:
    """A storage account is a host's first name in Azure, and the first folder at an address or a host
    without a domain (Azurite)."""
    try:
        ip_address(host)
    except ValueError:
        return "." not in host
    return True


# --- members ----------------------------------------------------------------------------------------


def _next(body: Json) -> str | None:
    return str(body.get("nextLink") or "") or None


def _prebuilt(item: Json) -> bool:
    return str(item.get("modelId") or "").startswith("prebuilt-")


@contextmanager
def _reading(
    what: str, kind: type[FormpipeError] = RowError, reason: str = "answer-unreadable"
) -> Iterator[None]:
    try:
        yield
    except _MALFORMED as error:
        raise kind(
            f"the service's answer is not {what} of Document Intelligence ({type(error).__name__}): check "
            "the row's endpoint and api_version",
            reason=reason,
        ) from None  # what could not be read may be a field value
