"""Errors as the Language service tells them (CONTRACTS 4.6): an outer error by what is at fault, its cause
inside."""

from __future__ import annotations

from typing import Any

from pipeline.remote import ServiceFault

Json = dict[str, Any]

_INNER = {
    "InvalidDocumentBatch": ("InvalidRequest", "Invalid Document in request."),
    "InvalidDocument": ("InvalidRequest", "Invalid Document in request."),
    "MissingInputDocuments": ("InvalidRequest", "Missing input documents."),
    "InvalidRequestBodyFormat": ("InvalidRequest", "Invalid request body."),
    "InvalidParameterValue": ("InvalidRequest", "Invalid parameter in request."),
    "EmptyRequest": ("InvalidRequest", "Invalid request."),
}
"""Codes that stand inside an error; the others stand for themselves."""

_OF_A_TEXT = ("InvalidArgument", "Invalid Document in request.")


def refusal(fault: ServiceFault) -> Json:
    """The body of a refused request."""
    return {"error": failure(fault)}


def failure(fault: ServiceFault) -> Json:
    """An error of a job, or what lies under `error` in a refusal."""
    inner = {"code": fault.code, "message": fault.message}
    if fault.code not in _INNER:
        return inner | _target(fault)
    code, message = _INNER[fault.code]
    return {"code": code, "message": message} | _target(fault) | {"innererror": inner}


def text_error(document_id: str, fault: ServiceFault) -> Json:
    """The error of one text in a job that succeeded."""
    code, message = _OF_A_TEXT
    inner = {"code": fault.code, "message": fault.message}
    return {"id": document_id, "error": {"code": code, "message": message, "innererror": inner}}


def _target(fault: ServiceFault) -> Json:
    return {"target": fault.target} if fault.target else {}
