"""Blobs of a service's backlog are moved into a folder: what was paid goes with them, all of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.canned_row import point, put
from tests.acceptance.conftest import Project
from tests.azure.canned import Canned, running_can

OLD = [f"{number:04d}.pdf" for number in range(5)]
STAYS = [f"{number:04d}.pdf" for number in range(5, 10)]
NEW = [f"moved/{name}" for name in OLD]


@pytest.fixture
def can(tmp_path: Path) -> Iterator[Canned]:
    with running_can(tmp_path / "service") as running:
        yield running


@pytest.fixture
def moved(project: Project, can: Canned) -> Project:
    """Ten documents were scored, a person has corrected one, then half of the blobs were moved."""
    point(
        project, can, backlog="in/", include_subfolders=1,
        scoring_output_blob_folder="out/", target_table="bench_values", sinks="sql,jsonl",
    )  # fmt: skip
    (project.data / "backlog/in/moved").mkdir()
    for name in (*OLD, *STAYS):
        put(project, f"in/{name}")
    run(project)
    assert can.calls("analyze", 202) == 10
    project.sql(
        "INSERT INTO field_value (part_id, field, source, value_text)"
        " SELECT p.id, 'field 3', 'person', 'corrected'"
        " FROM part p JOIN document d ON d.id = p.document_id WHERE d.path = 'in/0000.pdf'"
    )
    for before, now in zip(OLD, NEW, strict=True):
        (project.data / "backlog/in" / before).rename(project.data / "backlog/in" / now)
    return project


def run(project: Project) -> str:
    return project.formpipe("run", workers=1, poll_seconds=0.5).out


def values(project: Project) -> dict[str, list[tuple[Any, ...]]]:
    """All that is known of documents that are there, by path."""
    rows = project.sql(
        "SELECT d.path, d.outcome, d.content_hash, d.pages, d.ocr_pages, d.layout_confidence,"
        " d.model_version_id, p.number, p.first_page, p.last_page, v.field, v.occurrence, v.source, v.text,"
        " v.value_text, v.page, v.polygon, v.confidence, v.layout_confidence, v.review FROM document d"
        " JOIN part p ON p.document_id = d.id JOIN field_value v ON v.part_id = p.id"
        " WHERE d.outcome <> 'gone' ORDER BY d.path, v.field, v.source"
    )
    found: dict[str, list[tuple[Any, ...]]] = {}
    for path, *rest in rows:
        found.setdefault(path.removeprefix("in/"), []).append(tuple(rest))
    return found


def shown(project: Project, table: str) -> dict[str, tuple[Any, ...]]:
    """What people see of two fields."""
    rows = project.sql(f"SELECT path, outcome, field_3, field_4 FROM {table} WHERE outcome <> 'gone'")
    return {row[0].removeprefix("in/"): row[1:] for row in rows}


def counts(project: Project) -> tuple[int, ...]:
    query = "SELECT listed, loaded, gone, reused, pages FROM run_row ORDER BY run_id DESC LIMIT 1"
    return project.sql(query)[0]


def test_all_of_a_document_goes_with_it(moved: Project, can: Canned) -> None:
    before = values(moved)
    told = run(moved)
    assert can.calls("analyze", 202) == 10
    assert counts(moved) == (10, 5, 5, 5, 0)
    assert "reused" in told
    now = values(moved)
    assert now == {name: before[name] for name in STAYS} | {
        name: before[former] for former, name in zip(OLD, NEW, strict=True)
    }
    for table in ("forms_bench", "bench_values"):
        assert shown(moved, table) == dict.fromkeys(NEW + STAYS, ("loaded", "value3", "value4")) | {
            NEW[0]: ("loaded", "corrected", "value4")
        }
    out = moved.data / "backlog/out"
    for former, name in zip(OLD, NEW, strict=True):
        assert (out / f"{name}_output.json").read_bytes() == (out / f"{former}_output.json").read_bytes()
    told_to = "SELECT d.state, count(*) FROM delivery d GROUP BY d.state"
    assert moved.sql(told_to) == [("delivered", 15)]
    assert moved.sql("SELECT DISTINCT attempts FROM document WHERE path LIKE 'in/moved/%'") == [(0,)]
    assert "no difference" in moved.formpipe("verify").out


def test_they_take_nothing_of_what_may_be_spent(moved: Project, can: Canned) -> None:
    """One page may be read: it is there for the one that is new, and comes last."""
    moved.sql("UPDATE form_type SET max_pages_per_run = 1")
    put(moved, "in/other.pdf")
    run(moved)
    assert can.calls("analyze", 202) == 11
    assert counts(moved) == (11, 6, 5, 5, 1)


def test_values_that_are_to_be_removed_wait_for_those_that_may_take_them_over(
    moved: Project, can: Canned
) -> None:
    """Two new documents come first, and a limit lets one of them through in a run."""
    moved.sql("UPDATE form_type SET on_gone = 'remove', max_pages_per_run = 1")
    put(moved, "in/0050.pdf")
    put(moved, "in/0051.pdf")
    run(moved)
    assert (can.calls("analyze", 202), counts(moved)[3]) == (11, 0)
    moved.sql("UPDATE form_type SET max_pages_per_run = 2")
    run(moved)
    assert (can.calls("analyze", 202), counts(moved)[3]) == (12, 5)
    assert sorted(values(moved)) == sorted([*NEW, *STAYS, "0050.pdf", "0051.pdf"])
    gone = "SELECT count(*) FROM part p JOIN document d ON d.id = p.document_id WHERE d.outcome = 'gone'"
    assert moved.sql(gone) == [(0,)]
    assert "no difference" in moved.formpipe("verify").out
