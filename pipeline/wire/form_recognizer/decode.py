"""What Form Recognizer v2.0-preview to v2.1 answers -> the records of `remote`.

Tolerant as the service is loose: both casings of a status, unknown codes, members that are null or left
out. A status that is none of the known ends means that the work still goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.errors import DocumentError, FormpipeError, RowError
from pipeline.remote import (
    CopyAuthorization,
    ModelQuota,
    OperationEnd,
    OperationState,
    ServiceFault,
    ServiceModel,
    ServiceModelState,
)
from pipeline.wire.form_recognizer.decode_analysis import analysis
from pipeline.wire.form_recognizer.decode_faults import fault, faults
from pipeline.wire.form_recognizer.decode_models import listed_model, read_model
from pipeline.wire.stamps import stamp

__all__ = ["copy_authorization", "fault", "model", "models_page", "operation_state", "quota"]

Json = Mapping[str, Any]

_MALFORMED = (
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    IndexError,
    ArithmeticError,
    OSError,
    RecursionError,
    DocumentError,
)
_ENDS: Mapping[str, OperationEnd] = {
    "succeeded": "succeeded",
    "success": "succeeded",
    "failed": "failed",
    "failure": "failed",
}
_MODEL_ENDS: Mapping[ServiceModelState, OperationEnd] = {
    "creating": "running",
    "ready": "succeeded",
    "invalid": "failed",
}
_MODEL_STATES: Mapping[OperationEnd, ServiceModelState] = {end: state for state, end in _MODEL_ENDS.items()}

_DOTNET = 10**17
"""Ticks of 100 ns since the year 1 have passed this long ago, seconds since 1970 never will."""


def model(body: Json) -> ServiceModel:
    """A model as Get Custom Model answers. Raises RowError (`answer-unreadable`)."""
    with _reading("a model"):
        return read_model(body)


def models_page(body: Json) -> tuple[tuple[ServiceModel, ...], str | None]:
    """The models of one page of a list, maybe none, and the link to the next page where there is one.

    Raises RowError (`answer-unreadable`).
    """
    with _reading("a list of models"):
        models = tuple(listed_model(item) for item in body.get("modelList") or ())
        return models, body.get("nextLink") or None


def quota(body: Json) -> ModelQuota:
    """The summary of a model list. Raises RowError (`answer-unreadable`)."""
    with _reading("a summary of models"):
        summary = body["summary"]
        return ModelQuota(int(summary["count"]), int(summary["limit"]))


def copy_authorization(body: Json) -> CopyAuthorization:
    """Leave to copy. Raises RowError (`answer-unreadable`)."""
    with _reading("a copy authorisation"):
        expires = _expires(body.get("expirationDateTimeTicks"))
        return CopyAuthorization(str(body["modelId"]), expires, dict(body))


def _expires(ticks: int | None) -> datetime | None:
    """The service sends seconds of Unix time; the OpenAPI examples show what the name says, .NET ticks."""
    if ticks is None:
        return None
    if ticks >= _DOTNET:
        return datetime(1, 1, 1, tzinfo=UTC) + timedelta(microseconds=ticks // 10)
    return datetime.fromtimestamp(ticks, UTC)


def operation_state(body: Json) -> OperationState:
    """Where a training, compose, analysis, layout or copy stands, by the answer to its poll.

    Raises `answer-unreadable`: DocumentError for the result of a document, which would be paid for again
    and come out the same, RowError for the others.
    """
    if "modelInfo" in body or "trainResult" in body:
        return _training(model(body))
    result = body.get("copyResult")
    if result is not None:
        with _reading("the result of a copy"):
            return _copying(body, result, _end(body))
    with _reading("the result of a document", DocumentError):
        return _analyzing(body, _end(body))


def _end(body: Json) -> OperationEnd:
    """The feedback loop shows a result without a status."""
    silent: OperationEnd = "succeeded" if body.get("analyzeResult") else "running"
    status = body.get("status")
    return silent if status is None else _ENDS.get(str(status).lower(), "running")


def _training(trained: ServiceModel) -> OperationState:
    end = _MODEL_ENDS[trained.state]
    return OperationState(end, model=trained, faults=trained.faults if end == "failed" else ())


def _analyzing(body: Json, end: OperationEnd) -> OperationState:
    result = body.get("analyzeResult") or {}
    done = end == "succeeded" and bool(result)
    return OperationState(
        end,
        analysis=analysis(result) if done else None,
        faults=_told(body) + faults(result.get("errors")),
    )


def _copying(body: Json, result: Json, end: OperationEnd) -> OperationState:
    copied = ServiceModel(
        str(result.get("modelId") or ""),
        _MODEL_STATES[end],
        created_at=stamp(body.get("createdDateTime")),
        updated_at=stamp(body.get("lastUpdatedDateTime")),
        faults=faults(result.get("errors")),
    )
    return OperationState(end, model=copied, faults=_told(body) + copied.faults)


def _told(body: Json) -> tuple[ServiceFault, ...]:
    told = (fault(body),) if body.get("error") else ()
    return told + faults(body.get("errors"))


@contextmanager
def _reading(what: str, kind: type[FormpipeError] = RowError) -> Iterator[None]:
    try:
        yield
    except _MALFORMED as error:
        raise kind(
            f"the service answered what is not {what} of Form Recognizer v2 ({type(error).__name__}): "
            "check the row's endpoint and api_version",
            reason="answer-unreadable",
        ) from error
