"""Errors as Document Intelligence tells them: in an answer that refuses, in an operation that failed, about
one file of a batch, as a warning (CONTRACTS 3.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.logs import redact
from pipeline.remote import ServiceFault

UNNAMED = "unknown"

_INNER = ("innererror", "innerError")
_DEEPEST = 20


def fault(body: object) -> ServiceFault:
    """The innermost code, message and target of an error, which may lie under `error`. What a service says
    may repeat a link: its signature is left out."""
    level: Any = body.get("error", body) if isinstance(body, Mapping) else body
    code, message, target = UNNAMED, "", ""
    if isinstance(level, str):
        message = level
    for _ in range(_DEEPEST):
        if not isinstance(level, Mapping):
            break
        code = str(level.get("code") or code)
        message = str(level.get("message") or message)
        target = str(level.get("target") or target)
        level = _inner(level)
    return ServiceFault(redact(code), redact(message), redact(target))


def faults(error: object) -> tuple[ServiceFault, ...]:
    """An error, or a list of them; one that is of several parts (pages, files) gives a fault for each."""
    if isinstance(error, list):
        return tuple(each for one in error for each in faults(one))
    if not isinstance(error, Mapping):
        return ()
    return faults(error.get("details")) or (fault(error),)


def _inner(level: Mapping[str, Any]) -> object:
    details = level.get("details")
    first = details[0] if isinstance(details, list) and details else None
    return next((level[name] for name in _INNER if level.get(name)), first)
