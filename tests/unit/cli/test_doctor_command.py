from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine
from typer.testing import Result

from pipeline.cli import machine
from pipeline.cli.doctor import nearest_folder
from pipeline.cli.machine import check_memory, check_ocr, check_schema, check_storage
from pipeline.db.connection import open_database
from pipeline.db.sign_in import SignIn
from pipeline.errors import RowError
from pipeline.formats.labels_json import labels_to_json
from pipeline.settings import Settings
from pipeline.types import FormType, Label

Run = Callable[..., Result]
Row = Callable[..., None]


@pytest.fixture(autouse=True)
def quick_ocr(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real check takes seconds; one test below does it."""
    monkeypatch.setattr(machine, "_read_sample", lambda: "INVOICE")


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """lake/train/ with five labelled forms and a field list."""
    folder = tmp_path / "data" / "lake" / "train"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(5):
        name = f"form {number}.pdf"
        (folder / name).write_bytes(b"%PDF-1.4 " + name.encode())
        (folder / f"{name}.labels.json").write_text(
            json.dumps(labels_to_json(name, [Label("total", f"{number}")])), encoding="utf-8"
        )
    (folder / "fields.json").write_text('{"fields": [{"fieldKey": "total", "fieldType": "string"}]}')
    return folder


def answer(result: Result) -> dict[str, dict[str, object]]:
    return {row["form_type"]: row for row in json.loads(result.output)["rows"]}


def test_a_sound_row_is_healthy_and_the_exit_code_is_0(run: Run, row: Row, lake: Path) -> None:
    row("invoices")
    (lake.parent / "backlog").mkdir()
    (lake.parent / "backlog" / "a.pdf").write_bytes(b"%PDF-1.4")
    result = run("doctor")
    assert result.exit_code == 0, result.output
    assert "Nothing in the way of the row." in result.output
    assert "5 documents, 5 learned from, 1 fields, 5 layouts to make" in result.output
    assert "nothing in the way" in result.output


def test_no_rows_is_no_error(run: Run) -> None:
    result = run("doctor")
    assert result.exit_code == 0
    assert "formpipe params add" in result.output


def test_errors_of_the_training_folder_end_in_exit_code_1(run: Run, row: Row, lake: Path) -> None:
    row("invoices")
    (lake / "fields.json").write_text("[")
    result = run("doctor", "invoices")
    assert result.exit_code == 1
    assert "fields-unreadable" in result.output
    assert "1 of 1 form types need mending: invoices" in result.output


def test_warnings_are_shown_and_leave_the_exit_code_at_0(run: Run, row: Row, lake: Path) -> None:
    row("invoices")
    (lake / "[red].pdf.labels.json").write_text("{}")
    result = run("doctor")
    assert result.exit_code == 0
    assert "labels-without-document: train/[red].pdf.labels.json" in result.output


def test_faulty_rows_are_shown_beside_sound_ones(run: Run, row: Row, lake: Path) -> None:
    row("invoices")
    row("broken", locale="xx_NOWHERE")
    result = run("doctor", "--output", "json")
    rows = answer(result)
    assert result.exit_code == 1
    assert rows["invoices"]["healthy"] is True
    assert rows["broken"]["healthy"] is False
    assert [fault["column"] for fault in rows["broken"]["faults"]] == ["locale"]  # type: ignore[attr-defined]


def test_only_the_rows_that_are_named_are_looked_at(run: Run, row: Row, lake: Path) -> None:
    row("invoices")
    row("broken", locale="xx_NOWHERE")
    assert list(answer(run("doctor", "invoices", "-o", "json"))) == ["invoices"]
    assert run("doctor", "invoices").exit_code == 0


def test_a_name_that_is_no_row_is_a_named_error(run: Run, row: Row) -> None:
    row("invoices")
    assert getattr(run("doctor", "invoice").exception, "reason", "") == "unknown-form-type"


def test_a_missing_container_is_a_finding_of_its_row(run: Run, row: Row, database: Engine) -> None:
    row("invoices")
    with database.begin() as connection:
        connection.exec_driver_sql("UPDATE form_type SET scoring_container_name = 'other'")
    result = run("doctor", "--output", "json")
    findings = answer(result)["invoices"]["findings"]
    assert "container-missing" in {finding["code"] for finding in findings}  # type: ignore[attr-defined]


def test_a_misspelt_backlog_folder_is_a_warning_that_names_the_one_meant(
    run: Run, row: Row, lake: Path
) -> None:
    row("invoices")
    (lake.parent / "backlogs" / "new").mkdir(parents=True)
    (lake.parent / "backlogs" / "new" / "a.pdf").write_bytes(b"%PDF-1.4")
    result = run("doctor", "--output", "json")
    (finding,) = json.loads(result.output)["rows"][0]["findings"]
    assert (finding["severity"], finding["code"]) == ("warning", "backlog-empty")
    assert finding["subject"] == "lake/backlog/"
    assert "did you mean backlogs/?" in finding["message"]
    assert result.exit_code == 0


def test_a_folder_that_is_used_for_something_else_is_not_meant() -> None:
    row = FormType("x", "x", "lake", "backlog_training/", "lake", "backlog_trainin/", output_folder="out/")
    assert nearest_folder(row, ["backlog_training/a.pdf", "quite/another.pdf", "b.pdf"]) is None
    assert nearest_folder(row, ["forms/backlog_trainin/a.pdf"]) == "forms/backlog_trainin/"


def test_an_error_of_the_machine_is_told_last_as_well(
    run: Run, row: Row, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row("invoices")
    monkeypatch.setattr(machine, "_read_sample", lambda: "lnvo1ce")
    result = run("doctor")
    assert result.exit_code == 1
    assert result.output.splitlines()[-1] == "This machine needs mending: OCR."
    assert "Nothing in the way" not in result.output


def test_documents_without_labels_have_two_ways_out(run: Run, row: Row, lake: Path) -> None:
    row("invoices")
    for file in lake.glob("*.labels.json"):
        file.unlink()
    shown = run("doctor").output
    assert "labelling tool" in shown
    assert "use_label_file to 0" in shown


def test_rows_of_a_group_are_told_of_the_folder_they_share(run: Run, row: Row, lake: Path) -> None:
    row("invoices")
    row("credits", form_batch_group_id="invoices")
    rows = answer(run("doctor", "--output", "json"))
    assert rows["invoices"]["training"] == rows["credits"]["training"]


def test_a_database_without_our_schema_is_an_error_and_rows_are_not_looked_at(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORMPIPE_DATABASE_URL", f"sqlite:///{tmp_path / 'empty.db'}")
    result = run("doctor", "--output", "json")
    assert result.exit_code == 1
    found = json.loads(result.output)
    assert found["rows"] == []
    assert found["machine"][0]["severity"] == "error"
    assert "formpipe db upgrade" in found["machine"][0]["remedy"]


def test_the_help_has_an_example(run: Run) -> None:
    assert "Example: formpipe doctor" in run("doctor", "--help").output


# --- the machine ------------------------------------------------------------------------------------


def test_a_missing_storage_folder_is_an_error(tmp_path: Path) -> None:
    assert check_storage(tmp_path).severity == "ok"
    assert check_storage(tmp_path / "nowhere").severity == "error"


def test_a_storage_folder_that_cannot_be_written_to_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    check = check_storage(tmp_path)
    assert (check.severity, "Permission denied" in check.message) == ("error", True)


def test_workers_that_do_not_fit_into_memory_are_a_warning() -> None:
    settings = Settings(workers=4, reader_memory_mb=1000, training_memory_mb=500)
    assert check_memory(settings, 4_000 * 2**20).severity == "ok"
    assert check_memory(settings, 3_999 * 2**20).severity == "warning"


def test_a_database_that_does_not_answer_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "not a database").write_bytes(b"x" * 4096)
    check = check_schema(open_database(f"sqlite:///{tmp_path / 'not a database'}"))
    assert (check.severity, check.message) == ("error", "database-damaged (DatabaseError SQLITE_NOTADB)")


def test_a_server_that_is_not_there_and_a_sign_in_without_its_secret_say_what_to_do() -> None:
    check = check_schema(open_database("postgresql://me@127.0.0.1:1/x"))
    assert check.severity == "error"
    assert check.message.startswith("database-unreachable (OperationalError: ")
    assert "database_url" in check.remedy

    def missing() -> str:
        raise RowError("there is no secret DatabasePassword", reason="secret-missing")

    check = check_schema(open_database("postgresql://me@127.0.0.1:1/x", SignIn(password=missing)))
    assert (check.severity, check.message) == ("error", "nobody is signed in (secret-missing)")
    assert check.remedy == "there is no secret DatabasePassword"


def test_text_recognition_that_fails_or_misreads_is_an_error() -> None:
    def broken() -> str:
        raise OSError("no library")

    assert check_ocr(broken).severity == "error"
    assert check_ocr(lambda: "lnvoice").severity == "error"


def test_text_recognition_reads_a_drawn_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert check_ocr(machine._read_sample) == machine.Check("OCR", "ok", "reads a drawn word")
