"""`formpipe forget` as a person types it and as a program calls it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import typer
from sqlalchemy import func, select
from typer.testing import CliRunner, Result

from pipeline.cli.forget import before
from pipeline.cli.main import app
from pipeline.db import leases, tables
from pipeline.db.connection import reading

if TYPE_CHECKING:
    from tests.unit.conftest import Ledger

Run = Callable[..., Result]
NOW = datetime(2027, 3, 2, tzinfo=UTC)
VALUES = [{"field": "No"}]


@pytest.fixture
def filed(ledger: Ledger, run: Run) -> Ledger:
    """Two invoices with outputs, one of them of today, and a receipt; `run` reads this database."""
    ledger.form_type("invoice", scoring_output_blob_folder="invoice/out/")
    ledger.form_type("receipt")
    ledger.document("invoice", "[red]a.pdf", values=VALUES)
    ledger.output("invoice", "[red]a.pdf")
    ledger.document("invoice", "b.pdf", values=VALUES, finished_at=datetime.now(UTC))
    ledger.output("invoice", "b.pdf")
    ledger.document("receipt", "b.pdf", values=VALUES)
    return ledger


def left(ledger: Ledger) -> list[str]:
    with reading(ledger.database) as connection:
        return list(connection.scalars(select(tables.document.c.path).order_by(tables.document.c.id)))


def outputs(ledger: Ledger) -> int:
    return len([*ledger.storage.list("lake", "invoice/out/")])


def reason(answer: Result) -> str:
    return str(getattr(answer.exception, "reason", ""))


def test_a_document_is_forgotten_and_the_person_is_told_what_stays(filed: Ledger, run: Run) -> None:
    answer = run("forget", "invoice/in/[red]a.pdf", "--yes")
    assert answer.exit_code == 0
    counts, done = answer.output.splitlines()
    assert counts == "invoice: 1 document, 1 page, 1 value, up to 1 output file"
    assert done.startswith("1 document forgotten.")
    assert "in the backlog is still there: remove it yourself" in done
    assert left(filed) == ["invoice/in/b.pdf", "receipt/in/b.pdf"]
    assert outputs(filed) == 1
    assert next(iter(filed.storage.list("lake", "invoice/in/"))).path == "invoice/in/[red]a.pdf"


def test_a_dry_run_counts_and_writes_nothing(filed: Ledger, run: Run) -> None:
    with reading(filed.database) as connection:
        held = connection.scalar(select(func.count()).select_from(tables.lease))
    answer = run("forget", "-f", "invoice", "--all", "--dry-run")
    assert answer.exit_code == 0
    assert "invoice: 2 documents, 2 pages, 2 values, up to 2 output files" in answer.output
    assert "Dry run: nothing was forgotten." in answer.output
    assert (len(left(filed)), outputs(filed)) == (3, 2)
    with reading(filed.database) as connection:
        assert connection.scalar(select(func.count()).select_from(tables.lease)) == held
        assert connection.scalar(select(func.count()).select_from(tables.event)) == 0


def test_a_person_may_say_no(filed: Ledger, run: Run) -> None:
    asked = CliRunner().invoke(app, ["forget", "-f", "invoice", "--older-than", "1d"], input="n\n")
    assert "Forget 1 document for good?" in asked.output
    assert (asked.exit_code, len(left(filed))) == (0, 3)
    said = CliRunner().invoke(app, ["forget", "-f", "invoice", "--older-than", "1d"], input="y\n")
    assert (said.exit_code, left(filed)) == (0, ["invoice/in/b.pdf", "receipt/in/b.pdf"])


def test_a_program_is_not_asked_and_reads_the_counts(filed: Ledger, run: Run) -> None:
    asked = ("forget", "-f", "invoice", "--older-than", "52w", "--output", "json")
    told = json.loads(run(*asked).output)
    assert told["chosen"]["documents"] == 0
    told = json.loads(run("forget", "-f", "invoice", "--older-than", "1d", "--output", "json").output)
    assert (told["chosen"]["documents"], told["forgotten"]["documents"]) == (1, 0)
    assert len(left(filed)) == 3
    told = json.loads(run("forget", "2", "--yes", "--output", "json").output)
    assert told == {
        "form_type": "invoice",
        "criterion": "one document",
        "dry_run": False,
        "chosen": told["forgotten"],
        "forgotten": {"documents": 1, "read": 1, "pages": 1, "values": 1, "cells": 0, "deliveries": 0},
        "error": None,
        "wiped": True,
    }


def test_status_report_and_verify_count_what_is_forgotten(filed: Ledger, run: Run) -> None:
    run("forget", "-f", "invoice", "--all", "--yes")
    standing = {
        each["form_type"]: each["documents"] for each in json.loads(run("status", "-o", "json").output)
    }
    assert (standing["invoice"]["forgotten"], standing["invoice"]["loaded"]) == (2, 0)
    assert standing["receipt"]["forgotten"] == 0
    assert "forgotten" in run("report").output
    checked = run("verify", "-f", "invoice")
    assert (checked.exit_code, "2 forgotten" in checked.output) == (0, True)


def test_a_report_without_forgotten_documents_does_not_speak_of_them(filed: Ledger, run: Run) -> None:
    assert "forgotten" not in run("report").output


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--older-than", "1d"),
        ("a.pdf", "--older-than", "1d"),
        ("a.pdf", "--all", "--yes"),
        ("-f", "invoice"),
        ("-f", "invoice", "--all"),
        ("--all", "--yes"),
        ("-f", "invoice", "--all", "--older-than", "1d", "--yes"),
        ("-f", "invoice", "--older-than", "1m", "--yes"),
    ],
)
def test_what_is_not_clearly_asked_for_is_refused(
    filed: Ledger, run: Run, arguments: tuple[str, ...]
) -> None:
    assert run("forget", *arguments).exit_code == 2
    assert len(left(filed)) == 3


def test_who_is_meant_must_be_clear(filed: Ledger, run: Run) -> None:
    assert reason(run("forget", "b.pdf", "--yes")) == "document-unclear"
    assert reason(run("forget", "z.pdf", "--yes")) == "document-unknown"
    assert reason(run("forget", "b.pdf", "-f", "invoices", "--yes")) == "unknown-form-type"
    assert run("forget", "b.pdf", "-f", "receipt", "--yes").exit_code == 0
    assert left(filed) == ["invoice/in/[red]a.pdf", "invoice/in/b.pdf"]


def test_a_run_that_works_on_it_is_waited_for(filed: Ledger, run: Run) -> None:
    with filed.database.begin() as connection:
        now = datetime.now(UTC)
        leases.take(connection, "group:invoice", "elsewhere:1:1:a", now=now, seconds=600, over=None)
    answer = run("forget", "-f", "invoice", "--all", "--yes")
    assert (answer.exit_code, "held-elsewhere" in answer.output, len(left(filed))) == (1, True, 3)
    told = json.loads(run("forget", "-f", "invoice", "--all", "--yes", "-o", "json").output)
    assert (told["error"], told["forgotten"]["documents"]) == ("held-elsewhere", 0)


def test_a_row_at_fault_is_mended_first(filed: Ledger, run: Run) -> None:
    filed.form_type("faulty", scoring_output_blob_folder="faulty/in/out/")
    filed.document("faulty", "x.pdf")
    assert reason(run("forget", "x.pdf", "--yes")) == "row-faulty"


@pytest.mark.parametrize(("age", "days"), [("1d", 1), ("400d", 400), ("12w", 84), ("2y", 730)])
def test_an_age_is_days_weeks_or_years(age: str, days: int) -> None:
    assert before(age, NOW) == NOW - timedelta(days=days)


@pytest.mark.parametrize(
    "age", ["", "0d", "-1d", "1", "d", "1m", "1.5d", "1D", "1d ", "²d", "9999999d", "999999y"]
)
def test_anything_else_is_no_age(age: str) -> None:
    with pytest.raises(typer.BadParameter):
        before(age, NOW)


def test_the_help_says_what_stays(run: Run) -> None:
    told = " ".join(run("forget", "--help").output.replace("│", " ").split())
    assert "The documents themselves stay in the backlog" in told
    assert "were first seen" in told
