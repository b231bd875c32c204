"""What keeps a row's sinks from being used, before a run finds out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pipeline.errors import FormpipeError
from pipeline.types import Finding, FormType


def sink_notes(rows: Iterable[FormType], obstacles: Mapping[str, FormpipeError]) -> Iterator[Finding]:
    """An error for each sink of an enabled row that cannot be used; `obstacles` are by sink."""
    for row in rows:
        for sink in row.sinks if row.enabled else ():
            if sink in obstacles:
                error = obstacles[sink]
                message = f"{error}. Until then the values are in SQL, and wait for {sink}."
                yield Finding("error", error.reason, row.form_type, message)
