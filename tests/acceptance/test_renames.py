"""Blobs that were renamed, on a service that counts what it is asked."""

from __future__ import annotations

from tests.acceptance.canned_row import fill
from tests.acceptance.conftest import Project
from tests.acceptance.test_service_flow import can, pointed
from tests.azure.canned import Canned

__all__ = ["can", "pointed"]
VALUES = """SELECT d.path, v.field, v.occurrence, v.source, v.text, v.value_number, v.value_date, v.review
    FROM document d JOIN part p ON p.document_id = d.id JOIN field_value v ON v.part_id = p.id
    WHERE d.outcome = 'loaded' ORDER BY 1, 2, 3, 4"""


def rename_half(project: Project) -> None:
    for number in range(5):
        (project.data / "backlog" / f"{number:04d}.pdf").rename(
            project.data / "backlog" / f"moved-{number:04d}.pdf"
        )


def test_renamed_blobs_keep_their_values_and_cost_nothing(pointed: Project, can: Canned) -> None:
    fill(pointed, 10)
    pointed.formpipe("run", workers=1, poll_seconds=0.5)
    before = pointed.sql(VALUES)
    view = pointed.sql("SELECT * FROM forms_bench ORDER BY path")
    assert before
    assert can.calls("analyze", 202) == 10
    rename_half(pointed)
    pointed.formpipe("run", workers=1, poll_seconds=0.5)
    assert can.calls("analyze", 202) == 10
    after = pointed.sql(VALUES)
    assert sorted((str(row[0]).removeprefix("moved-"), *row[1:]) for row in after) == before
    assert len({row[0] for row in after}) == 10
    now = pointed.sql("SELECT * FROM forms_bench")
    shown = {str(row[1]).removeprefix("moved-"): row[6:] for row in now if row[2] == "loaded"}
    assert shown == {row[1]: row[6:] for row in view}
    assert {row[2] for row in now if row[0] <= 5} == {"gone"}
    (counts,) = pointed.sql("SELECT reused, loaded, gone, pages FROM run_row ORDER BY run_id DESC LIMIT 1")
    assert counts == (5, 5, 5, 0)


def test_they_are_scored_again_where_the_row_says_so(pointed: Project, can: Canned) -> None:
    pointed.sql("UPDATE form_type SET on_rename = 'score'")
    fill(pointed, 10)
    pointed.formpipe("run", workers=1, poll_seconds=0.5)
    rename_half(pointed)
    pointed.formpipe("run", workers=1, poll_seconds=0.5)
    assert can.calls("analyze", 202) == 15
    assert pointed.sql("SELECT reused FROM run_row ORDER BY run_id DESC LIMIT 1") == [(0,)]
