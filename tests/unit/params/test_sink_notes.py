from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.errors import RowError
from pipeline.params.sink_notes import sink_notes
from pipeline.types import FormType

ROW = FormType("bills", "bills", "c", "t/", "c", "b/", sinks=("sql", "cosmos", "jsonl"))
LACKING = {"cosmos": RowError("set cosmos_endpoint", reason="sink-not-configured")}


def test_a_sink_that_cannot_be_used_is_told_of_the_rows_that_name_it() -> None:
    [note] = sink_notes([ROW, replace(ROW, form_type="mail", sinks=("sql",))], LACKING)
    assert (note.severity, note.code, note.subject) == ("error", "sink-not-configured", "bills")
    assert note.message.startswith("set cosmos_endpoint. ")


@pytest.mark.parametrize(("row", "lacking"), [(replace(ROW, enabled=False), LACKING), (ROW, {})])
def test_otherwise_there_is_nothing_to_tell(row: FormType, lacking: dict[str, RowError]) -> None:
    assert list(sink_notes([row], lacking)) == []
