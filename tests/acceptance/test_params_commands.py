"""The parameter table from the command line, in a project folder of its own."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path

from tests.acceptance.conftest import Project

FAULTY = """
form_types:
- form_type: invoices
  training_container_name: forms
  training_blob_root_folder: invoices/training
  scoring_container_name: forms
  scoring_input_blob_folder: invoices/backlog
  fields: [{field: total, type: number}]
- form_type: orders
  training_container_name: forms
  training_blob_root_folder: ../orders
  scoring_container_name: forms
  scoring_input_blob_folder: orders/backlog
  scoring_output_blob_folder: orders/backlog/out
  min_confidence: 95
  locale: xx-YY
  engine: form-recogniser
"""


def test_good_rows_are_applied_faulty_ones_are_shown_and_the_export_is_the_table(project: Project) -> None:
    (project.folder / "forms.yaml").write_text(FAULTY, encoding="utf-8")
    applied = project.formpipe("params", "apply", "forms.yaml", expect=1)
    for told in (
        "engine",
        "training_blob_root_folder",
        "scoring_output_blob_folder",
        "min_confidence",
        "locale",
    ):
        assert told in applied.out
    assert "did you mean 'form-recognizer'?" in applied.out
    assert project.sql("SELECT form_type, field FROM form_field") == [("invoices", "total")]
    assert project.sql("SELECT form_type FROM form_type") == [("invoices",)]

    (project.folder / "out.yaml").write_text(project.formpipe("params", "export").out, encoding="utf-8")
    again = project.formpipe("params", "apply", "out.yaml", "--output", "json").json
    assert again == {
        "changes": [{"form_type": "invoices", "kind": "unchanged", "cells": []}],
        "faults": [],
        "dry_run": False,
    }


def test_rows_of_plain_sql_are_validated_and_mended(project: Project) -> None:
    project.add_row("invoices", "invoices/training", "invoices/backlog")
    project.add_row("orders", "orders", "orders/in", min_confidence=0.9, locale="english")
    found = project.formpipe("params", "validate", "--output", "json", expect=1).json
    assert found["valid"] == 1
    assert [(fault["row"], fault["column"]) for fault in found["faults"]] == [
        ("orders", "scoring_input_blob_folder"),
        ("orders", "locale"),
    ]
    project.sql(
        "UPDATE form_type SET locale = 'en-GB', scoring_input_blob_folder = 'drop' WHERE locale = 'english'"
    )
    assert project.formpipe("params", "validate").out.startswith("2 rows without fault")


def test_the_table_of_the_original_recipe_is_taken_over_twice_without_harm(project: Project) -> None:
    project.sql(
        "CREATE TABLE ParamFormRecogniser (form_description TEXT, form_batch_group_id TEXT, model_id TEXT,"
        " training_container_name TEXT, training_blob_root_folder TEXT, scoring_container_name TEXT,"
        " scoring_input_blob_folder TEXT, scoring_output_blob_folder TEXT, file_type TEXT)"
    )
    project.sql(
        "INSERT INTO ParamFormRecogniser VALUES"
        " ('Claims', NULL, '-1', 'train', 'claims/train', 'score', 'claims/in', 'claims/out', 'image/tif')"
    )
    for expected in ("1 added", "0 added"):
        found = project.formpipe("params", "import", "--from-table", "dbo.ParamFormRecogniser")
        assert expected in found.out
    shown = project.formpipe("params", "show", "claims", "--output", "json").json
    assert (shown["file_type"], shown["engine"], shown["model_id"]) == ("image/tiff", "local", None)


def test_without_a_database_the_command_says_what_to_do(tmp_path: Path) -> None:
    answer = Project(tmp_path).formpipe("params", "list", expect=3)
    assert "database schema is missing" in answer.err


def test_thousands_of_rows_are_applied_and_listed(project: Project) -> None:
    rows = [
        {
            "form_type": f"type_{number}",
            "training_container_name": "forms",
            "training_blob_root_folder": f"{number}/training",
            "scoring_container_name": "forms",
            "scoring_input_blob_folder": f"{number}/backlog",
            "fields": ["total"],
        }
        for number in range(3000)
    ]
    (project.folder / "many.yaml").write_text(json.dumps({"form_types": rows}), encoding="utf-8")
    started = time.monotonic()
    assert "3000 added" in project.formpipe("params", "apply", "many.yaml").out
    assert len(project.formpipe("params", "list", "--output", "json").json["form_types"]) == 3000
    assert time.monotonic() - started < 60


def test_a_writer_that_waits_for_another_does_not_fail(project: Project) -> None:
    """A DBA's open transaction on the same SQLite file delays the command, it does not end it."""
    other = sqlite3.connect(project.folder / "formpipe.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    add = ("params", "add", "w9", "--container", "forms", "--training", "t", "--backlog", "b")
    process = project.start(*add)
    time.sleep(3)
    assert process.poll() is None
    other.execute("COMMIT")
    other.close()
    out, err = process.communicate(timeout=60)
    assert (process.returncode, "1 added" in out) == (0, True), err
