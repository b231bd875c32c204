"""What an answer means: a fault in the service's words, and what is to be done about it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from pipeline.logs import redact
from pipeline.remote import ServiceFault
from pipeline.rest.reading import read_json

Meaning = Literal["good", "retry", "unauthorised", "quota", "forbidden", "retired", "refused"]

_RETRIED = {408, 429, 500, 502, 503, 504}
_QUOTA = re.compile(r"quota", re.IGNORECASE)
_VOLUME = re.compile(r"call volume quota|^QuotaExceeded\b", re.IGNORECASE)
_RETIRED = re.compile(r"retired|deprecated|no longer", re.IGNORECASE)
_XML = re.compile(rb"<Code>([^<]{1,100})</Code>\s*(?:<Message>([^<]{0,1000})</Message>)?", re.IGNORECASE)
_LONGEST = 1000
_LONGEST_CODE = 100
LONGEST_WAIT = 3600.0
"""Seconds that a service is believed to mean: every process keeps to its `Retry-After`."""


def meaning(status: int, fault: ServiceFault) -> Meaning:
    """What a status asks for. A spent quota is a 403 whose code or text says so, or a 429 that is about the
    volume of a month and not about a rate; waiting does not help."""
    if status < 300:
        return "good"
    told = f"{fault.code} {fault.message}"
    if 400 <= status < 500 and _VOLUME.search(told):
        return "quota"
    if status in _RETRIED or status > 504:
        return "retry"
    if status == 401:
        return "unauthorised"
    if status == 403:
        return "quota" if _QUOTA.search(told) else "forbidden"
    if status == 410 or (fault.code == "NotSupportedApiVersion" and _RETIRED.search(fault.message)):
        return "retired"
    return "refused"


def fault_of(status: int, body: bytes) -> ServiceFault:
    """The fault that a body tells, in any of the shapes the services and their gateway use."""
    try:
        told = read_json(body)
    except (ValueError, RecursionError):
        return _without_json(status, body)
    error = told.get("error", told) if isinstance(told, Mapping) else {}
    if isinstance(error, str) and error:
        return _fault(error, str(told.get("error_description", "")))
    if not isinstance(error, Mapping) or not error:
        return ServiceFault(str(status), "")
    return _innermost(error, status)


def seconds_to_wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """`Retry-After`, in seconds or as a date, an hour at most; None where it is absent or makes no sense."""
    told = (headers.get("Retry-After") or "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", told):
        return min(float(told), LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(told)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    seconds = (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds()
    return min(max(seconds, 0.0), LONGEST_WAIT)


def _innermost(error: Mapping[str, Any], status: int) -> ServiceFault:
    """The code nearest to the cause; the message of the innermost error that has one."""
    code, message, target = str(error.get("code") or error.get("statusCode") or status), "", ""
    level: Any = error
    for _ in range(10):
        if not isinstance(level, Mapping):
            break
        code = str(level.get("code") or code)
        message = str(level.get("message") or message)
        target = str(level.get("target") or target)
        details = level.get("details")
        first = details[0] if isinstance(details, list) and details else None
        level = level.get("innererror") or first
    return _fault(code, message, target)


def _without_json(status: int, body: bytes) -> ServiceFault:
    found = _XML.search(body)
    if found:
        code, message = (part.decode("utf-8", "replace") if part else "" for part in found.groups())
        return _fault(code, message)
    return ServiceFault(str(status), "")


def _fault(code: str, message: str, target: str = "") -> ServiceFault:
    """Within bounds, and without the signatures of URLs that services like to repeat."""
    return ServiceFault(redact(code)[:_LONGEST_CODE], redact(message)[:_LONGEST], redact(target)[:_LONGEST])
