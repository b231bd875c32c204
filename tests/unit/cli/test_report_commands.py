"""`formpipe report`, `status` and `verify`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import Result

if TYPE_CHECKING:
    from tests.unit.conftest import Ledger

Run = Callable[..., Result]
COUNTS = ["pending", "loaded", "partial", "dead", "gone", "unrouted", "forgotten"]


@pytest.fixture
def scored(ledger: Ledger, run: Run) -> Ledger:
    """A form type as a run leaves it: one loaded, one dead, one pending; `run` reads this database."""
    ledger.form_type("invoice")
    ledger.version("invoice", 1, f1=0.9, training_documents=7)
    key = ledger.run({"form_type": "invoice", "loaded": 1, "dead": 1, "decision": "2 new documents"})
    values = [{"field": "[b]No[/b]", "review": True, "confidence": 0.31}]
    ledger.document("invoice", "[red]a.pdf", values=values, run_id=key, model_version_id=1)
    ledger.document("invoice", "b.pdf", "dead", reason="pdf-broken", message="it is [broken]", run_id=key)
    ledger.document("invoice", "c.pdf", None)
    return ledger


@pytest.mark.parametrize("command", ["report", "status", "verify"])
def test_help_has_an_example(run: Run, command: str) -> None:
    answer = run(command, "--help")
    assert answer.exit_code == 0
    assert f"Example: formpipe {command}" in answer.stdout


@pytest.mark.parametrize(
    "arguments",
    [("report",), ("status",), ("status", "--review"), ("status", "--outcome", "dead"), ("verify",)],
)
def test_no_command_shows_the_text_of_a_field(scored: Ledger, run: Run, arguments: tuple[str, ...]) -> None:
    for output in ((), ("--output", "json")):
        answer = run(*arguments, *output)
        assert answer.exception is None or isinstance(answer.exception, SystemExit)
        assert "secret value" not in answer.output


# --- report -----------------------------------------------------------------------------------------


def test_report_prints_the_last_run(scored: Ledger, run: Run) -> None:
    answer = run("report")
    assert answer.exit_code == 0
    assert "2 new documents" in answer.stdout
    assert "[b]No[/b]" in answer.stdout


def test_report_as_json_can_be_read(scored: Ledger, run: Run) -> None:
    raw = json.loads(run("report", "--output", "json", "-f", "invoice").stdout)
    assert raw["run"]["id"] == 1
    assert raw["form_types"][0]["failures"][0]["command"].endswith("--outcome dead")


def test_report_writes_a_page(scored: Ledger, run: Run, tmp_path: Path) -> None:
    answer = run("report", "--html", "out [1].html")
    assert answer.exit_code == 0
    assert "out [1].html" in answer.stdout
    assert "</html>" in (tmp_path / "out [1].html").read_text()


def test_a_page_that_cannot_be_written_is_a_named_error(scored: Ledger, run: Run) -> None:
    answer = run("report", "--html", "missing/folder/x.html")
    assert getattr(answer.exception, "reason", None) == "file-not-writable"


# --- status -----------------------------------------------------------------------------------------


def test_status_counts_documents_values_model_and_last_run(scored: Ledger, run: Run) -> None:
    head, line = run("status").stdout.splitlines()
    assert head.split()[2:10] == [*COUNTS, "to"]
    assert line.split()[:9] == ["invoice", "1", "1", "0", "1", "0", "0", "0", "1"]
    assert "v1 F1 0.900" in line
    assert re.search(r"  1, (2026-)?(03-02|09:00)$", line)


def test_status_tells_of_documents_that_an_older_version_scored(scored: Ledger, run: Run) -> None:
    assert "--rescore" not in run("status").stdout
    with scored.database.begin() as connection:
        connection.exec_driver_sql("UPDATE model_version SET state = 'retired'")
    scored.version("invoice", 2)
    expected = "invoice: 1 document still scored by version 1: formpipe run --rescore --form-type invoice"
    assert expected in run("status").stdout
    assert expected.removeprefix("invoice: ") in run("report").stdout


def test_status_as_json_can_be_read(scored: Ledger, run: Run) -> None:
    (standing,) = json.loads(run("status", "--output", "json").stdout)
    assert standing["documents"]["dead"] == 1
    assert (standing["review"], standing["model"]["version"], standing["last_run"]["id"]) == (1, 1, 1)


def test_status_lists_documents_of_an_outcome_with_reason_and_message(scored: Ledger, run: Run) -> None:
    answer = run("status", "--form-type", "invoice", "--outcome", "dead")
    assert "pdf-broken" in answer.stdout
    assert "it is [broken]" in answer.stdout
    assert "c.pdf" not in answer.stdout
    pending = json.loads(run("status", "--outcome", "pending", "-o", "json").stdout)
    assert [(each["path"], each["state"]) for each in pending] == [("invoice/in/c.pdf", "pending")]


def test_status_lists_values_to_check(scored: Ledger, run: Run) -> None:
    (value,) = json.loads(run("status", "--review", "-o", "json").stdout)
    assert (value["field"], value["confidence"], value["document_id"]) == ("[b]No[/b]", 0.31, 1)
    assert "invoice/in/[red]a.pdf" in run("status", "--review").stdout


def test_a_list_that_was_cut_says_so(scored: Ledger, run: Run) -> None:
    scored.document("invoice", "d.pdf", None)
    answer = run("status", "--outcome", "pending", "--limit", "1")
    assert "d.pdf" not in answer.stdout
    assert "--limit" in answer.stderr


def test_an_empty_list_says_so(scored: Ledger, run: Run) -> None:
    assert run("status", "--outcome", "gone").stdout == "None.\n"


@pytest.mark.parametrize(
    "arguments", [("--outcome", "lost"), ("--outcome", "dead", "--review"), ("--limit", "0")]
)
def test_wrong_options_are_a_usage_error(scored: Ledger, run: Run, arguments: tuple[str, ...]) -> None:
    assert run("status", *arguments).exit_code == 2


@pytest.mark.parametrize("command", ["report", "status", "verify"])
def test_an_unknown_form_type_is_a_named_error(scored: Ledger, run: Run, command: str) -> None:
    answer = run(command, "--form-type", "nobody")
    assert getattr(answer.exception, "reason", None) == "unknown-form-type"


# --- verify -----------------------------------------------------------------------------------------


def test_verify_ends_with_0_where_everything_agrees(scored: Ledger, run: Run) -> None:
    answer = run("verify")
    assert (answer.exit_code, answer.stdout) == (
        0, "3 files, 3 documents (1 pending), 0 output files: no difference\n",
    )  # fmt: skip
    raw = json.loads(run("verify", "--output", "json").stdout)
    assert raw["differences"] == []
    assert raw["counts"]["files"] == 3


def test_verify_prints_every_difference_and_ends_with_1(scored: Ledger, run: Run) -> None:
    scored.file("invoice/in/new [1].pdf")
    scored.file("invoice/in/b.pdf", b"changed content")
    answer = run("verify")
    assert answer.exit_code == 1
    assert "document-missing invoice invoice/in/new [1].pdf: " in answer.stdout
    assert "change-not-scored invoice invoice/in/b.pdf: " in answer.stdout
    assert answer.stdout.endswith("2 differences\n")
    raw = json.loads(run("verify", "-o", "json").stdout)
    assert {each["kind"] for each in raw["differences"]} == {"document-missing", "change-not-scored"}


def test_a_row_at_fault_is_not_passed_over_in_silence(scored: Ledger, run: Run) -> None:
    scored.form_type("faulty", locale="xx-nowhere-0")
    answer = run("verify")
    assert answer.exit_code == 1
    assert "faulty" in answer.stderr
    assert json.loads(run("verify", "-o", "json").stdout)["not_verified"] == ["faulty"]
    assert run("verify", "-f", "invoice").exit_code == 0


@pytest.mark.parametrize("command", ["report", "status"])
def test_a_misspelt_form_type_is_told_with_the_one_meant(scored: Ledger, run: Run, command: str) -> None:
    assert "did you mean 'invoice'?" in str(run(command, "-f", "invioce").exception)
