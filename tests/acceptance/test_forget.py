"""A person asks to be forgotten: nothing of the form stays but its counts, and no run brings it back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.acceptance.conftest import Project
from tests.acceptance.test_run import backlog

SINKS = "UPDATE form_type SET sinks = 'sql,jsonl', target_table = 'invoices',"
OUTPUTS = " scoring_output_blob_folder = 'out/'"


@pytest.fixture
def project(trained: Project, lake: Path) -> Project:
    """Eight scored invoices, with output files, lines of JSON and a target table."""
    trained.sql(SINKS + OUTPUTS)
    backlog(trained, lake)
    trained.formpipe("run")
    return trained


def own_values(project: Project, path: str) -> list[str]:
    """Long values that this document has and no other."""
    query = (
        "SELECT v.text FROM field_value v JOIN part p ON p.id = v.part_id JOIN document d ON"
        " d.id = p.document_id WHERE length(v.text) > 7 GROUP BY v.text"
        f" HAVING count(DISTINCT d.id) = 1 AND min(d.path) = '{path}'"
    )
    return [text for (text,) in project.sql(query)]


def keeping(project: Project, values: list[str]) -> set[str]:
    """The files of the project, but for the lake's own, in which one of these values stands."""
    files = [p for p in project.folder.rglob("*") if p.is_file()]
    kept = [p for p in files if not p.is_relative_to(project.data / "forms" / "backlog")]
    kept = [p for p in kept if "training" not in p.parts]
    found = {p for p in kept for value in values if value.encode() in p.read_bytes()}
    return {str(p.relative_to(project.folder)) for p in found}


def test_nothing_of_a_forgotten_document_stays_and_no_run_brings_it_back(project: Project) -> None:
    (path,) = project.sql("SELECT min(path) FROM document")[0]
    values = own_values(project, path)
    assert len(values) >= 2
    output = f"out/{path.removeprefix('backlog/')}_output.json"
    assert keeping(project, values) >= {"formpipe.db", f"data/forms/{output}", "jsonl/purchase_invoice.jsonl"}

    shown = project.formpipe("forget", path, "--dry-run", "--output", "json").json
    assert (shown["chosen"]["documents"], shown["forgotten"]["documents"]) == (1, 0)
    told = project.formpipe("forget", path, "--yes")
    assert "remove it yourself" in told.out
    assert keeping(project, values) == set()
    assert not (project.data / "forms" / output).exists()
    assert (project.data / "forms" / path).exists()
    assert project.sql("SELECT count(*) FROM forms_purchase_invoice") == [(7,)]
    assert project.sql("SELECT count(*) FROM invoices") == [(7,)]
    assert path.encode() not in (project.folder / "formpipe.db").read_bytes()

    project.formpipe("plan")
    project.formpipe("run")
    assert project.sql("SELECT count(*), min(outcome) FROM document") == [(7, "loaded")]
    assert "no difference" in project.formpipe("verify").out
    (standing,) = project.formpipe("status", "--output", "json").json
    assert (standing["documents"]["forgotten"], standing["documents"]["loaded"]) == (1, 7)
    ((name, details),) = project.sql("SELECT name, details FROM event WHERE name LIKE '%forgotten%'")
    assert (name, json.loads(details)["documents"]) == ("documents-forgotten", 1)
    assert Path(path).stem not in details


def test_a_file_that_changes_is_a_new_document(project: Project) -> None:
    project.formpipe("forget", "--form-type", "purchase_invoice", "--all", "--yes")
    assert project.sql("SELECT (SELECT count(*) FROM document), count(*) FROM forgotten") == [(0, 8)]
    assert (project.folder / "jsonl/purchase_invoice.jsonl").read_bytes() == b""
    first, second = sorted((project.data / "forms/backlog").rglob("*.pdf"))[:2]
    first.write_bytes(second.read_bytes())
    project.formpipe("run")
    assert project.sql("SELECT count(*), min(outcome) FROM document") == [(1, "loaded")]
    assert project.sql("SELECT count(*) FROM forgotten") == [(7,)]


def test_killed_before_the_rows_went_it_is_done_again(project: Project) -> None:
    """The database refuses the deletion, as a disk that is full would, once the outputs are gone."""
    outputs = project.data / "forms" / "out"
    project.sql("CREATE TRIGGER stop BEFORE DELETE ON document BEGIN SELECT RAISE(ABORT, 'stop'); END")
    stopped = project.formpipe("forget", "-f", "purchase_invoice", "--all", "--yes", expect=None)
    assert stopped.code != 0
    assert [p for p in outputs.rglob("*") if p.is_file()] == []
    assert project.sql("SELECT (SELECT count(*) FROM document), count(*) FROM forgotten") == [(8, 0)]
    project.sql("DROP TRIGGER stop")
    project.formpipe("forget", "-f", "purchase_invoice", "--all", "--yes")
    assert project.sql("SELECT (SELECT count(*) FROM document), count(*) FROM forgotten") == [(0, 8)]
