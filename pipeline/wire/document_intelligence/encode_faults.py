"""Errors as Document Intelligence tells them (CONTRACTS 3.4): an outer error by status or kind, and its
cause inside."""

from __future__ import annotations

from typing import Any

from pipeline.remote import ServiceFault

Json = dict[str, Any]

_OUTER = {
    400: ("InvalidRequest", "Invalid request."),
    403: ("Forbidden", "Access forbidden."),
    404: ("NotFound", "Resource not found."),
    405: ("MethodNotAllowed", "The requested HTTP method is not allowed."),
    409: ("Conflict", "The request could not be completed due to a conflict."),
    415: ("UnsupportedMediaType", "Request content type is not supported."),
    501: ("NotImplemented", "The emulator does not do this."),
}
_PLAIN = {410: "Gone"}
"""What is told without a cause inside."""

_ARGUMENTS = frozenset(
    (
        "InvalidContentSourceFormat",
        "InvalidParameter",
        "InvalidParameterLength",
        "InvalidSasToken",
        "ParameterMissing",
    )
)


def refusal(status: int, fault: ServiceFault) -> Json:
    """The body of a refused request."""
    if status in _PLAIN:
        return {"error": {"code": _PLAIN[status], "message": fault.message}}
    return {"error": _caused(*_outer(status, fault), fault)}


def failure(fault: ServiceFault) -> Json:
    """The error of an operation that failed: what is wrong with its arguments lies inside, what went wrong
    in the work is a detail of it."""
    code, message = _outer(400, fault)
    if fault.code in _ARGUMENTS or fault.code == "ContentSourceNotAccessible":
        return _caused(code, message, fault)
    detail = {"code": fault.code, "message": fault.message}
    return {"code": code, "message": message, "details": [detail | _target(fault)]}


def item_error(fault: ServiceFault) -> Json:
    """The error of one file of a batch."""
    return _caused(*_outer(400, fault), fault)


def _outer(status: int, fault: ServiceFault) -> tuple[str, str]:
    if status == 400 and fault.code in _ARGUMENTS:
        return "InvalidArgument", "Invalid argument."
    return _OUTER.get(status, _OUTER[400])


def _caused(code: str, message: str, fault: ServiceFault) -> Json:
    inner = {"code": fault.code, "message": fault.message}
    return {"code": code, "message": message} | _target(fault) | {"innererror": inner}


def _target(fault: ServiceFault) -> Json:
    return {"target": fault.target} if fault.target else {}
