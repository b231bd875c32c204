"""The error tree. An error is named by what it ends: an attempt, a document, a row or the run.

Every error carries a short `reason` (stable, kebab-case, stored and counted) and a message for a
person that says what to do. Messages never hold field values or secrets.
"""

from __future__ import annotations


class FormpipeError(Exception):
    """Anything this program raises on purpose."""

    reason = "error"

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        super().__init__(message)
        if reason is not None:
            self.reason = reason

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), str(self), self.reason))


def _rebuild(kind: type[FormpipeError], message: str, reason: str) -> FormpipeError:
    return kind(message, reason=reason)


class AttemptError(FormpipeError):
    """Ends this attempt; the document is tried again later."""

    reason = "attempt-failed"


class DocumentError(FormpipeError):
    """Ends this document: trying again without changing it is pointless."""

    reason = "document-unusable"


class RowError(FormpipeError):
    """Ends this parameter row for the run; the other rows go on."""

    reason = "row-unusable"


class RunError(FormpipeError):
    """Ends the run: settings, database or storage cannot be used at all."""

    reason = "run-impossible"


def place_of(error: BaseException) -> str:
    """Where an unnamed error was raised: file, line and function, for a bug report without values."""
    trace, place = error.__traceback__, "?"
    while trace is not None:
        code = trace.tb_frame.f_code
        place = f"{code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno} {code.co_name}"
        trace = trace.tb_next
    return place
