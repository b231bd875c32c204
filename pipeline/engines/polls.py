"""The answer to a poll, of whichever service. It is about one operation: nothing in it ends a whole row but
what says that nobody may ask (`rest/client.py` raises that)."""

from __future__ import annotations

import re
from typing import Any

from pipeline.errors import AttemptError, FormpipeError
from pipeline.rest.client import Answer
from pipeline.rest.errors import RefusedError
from pipeline.rest.faults import LONGEST_WAIT


def body_of(answer: Answer) -> dict[str, Any]:
    """The object in it. Raises AttemptError `answer-unreadable`: something between here and the service may
    have answered in its place, and the operation stands."""
    try:
        body = answer.json()
    except FormpipeError as error:
        raise AttemptError(str(error), reason=error.reason) from None
    if not isinstance(body, dict):
        raise AttemptError("the answer to a poll is not a JSON object", reason="answer-unreadable")
    return body


def seconds_asked(answer: Answer) -> float | None:
    """How long the service asks to wait, where it does, in whole seconds."""
    told = answer.headers.get("Retry-After", "").strip()
    return min(float(told), LONGEST_WAIT) if re.fullmatch(r"[0-9]{1,9}", told) else None


def refused(error: RefusedError) -> FormpipeError:
    """What a refused poll means for its operation."""
    words = f"{error.fault.code}: {error.fault.message}"[:500]
    if error.status == 404:
        return AttemptError(
            "the service no longer knows this operation (results are kept for 24 hours): it is begun again",
            reason="operation-expired",
        )
    return AttemptError(
        f"the service does not tell the state of an operation: {error.status} {words}",
        reason="refused-by-service",
    )
