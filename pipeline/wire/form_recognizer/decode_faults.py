"""Errors as Form Recognizer v2 tells them: as an answer, in a finished operation, about one document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.logs import redact
from pipeline.remote import ServiceFault

UNNAMED = "unknown"
_INNER = ("innerError", "innererror")


def fault(body: object) -> ServiceFault:
    """The error in an answer that refuses; its code is `unknown` where the service gives none.

    Understood: `{"error": {…}}` of the services and of the gateway before them, the error alone, and a
    bare message. What a service repeats of secrets is left out.
    """
    told = body.get("error", body) if isinstance(body, Mapping) else body
    if not isinstance(told, Mapping):
        return ServiceFault(UNNAMED, "" if told is None else redact(str(told)))
    return ServiceFault(
        redact(_code(told)),
        redact(str(told.get("message") or told.get("Message") or "")),
        redact(str(told.get("target") or "")),
    )


def faults(errors: object) -> tuple[ServiceFault, ...]:
    """The errors of a list that may be missing or null."""
    if isinstance(errors, Mapping):
        return (fault(errors),)
    return tuple(fault(error) for error in errors) if isinstance(errors, list) else ()


def _code(told: Mapping[str, Any]) -> str:
    """The innermost code. Most inner errors only hold a request id."""
    inner = next((told[name] for name in _INNER if isinstance(told.get(name), Mapping)), None)
    deeper = _code(inner) if inner is not None else UNNAMED
    return deeper if deeper != UNNAMED else str(told.get("code") or UNNAMED)
