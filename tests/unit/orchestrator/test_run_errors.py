"""A bug costs its row; a database that fails ends the run; neither tells a value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert, text, update

from pipeline.accounts import FolderStorages
from pipeline.db import deliveries, tables
from pipeline.errors import RunError
from pipeline.executors.threads import ThreadExecutor
from pipeline.orchestrator import preparing
from pipeline.orchestrator.leasing import LeaseTerms, this_holder
from pipeline.orchestrator.run import execute
from pipeline.orchestrator.run_context import RunContext, RunOptions
from pipeline.orchestrator.service_access import ServiceAccess
from pipeline.orchestrator.survey import Sources
from pipeline.scoring.stage import ScoringLimits
from pipeline.services import load_services
from pipeline.sinks.jsonl import JsonlSink


@pytest.fixture
def context(database: Engine, tmp_path: Path) -> Iterator[RunContext]:
    (tmp_path / "forms" / "t").mkdir(parents=True)
    with database.begin() as connection:
        for name in ("first", "second"):
            connection.execute(
                insert(tables.form_type).values(
                    form_type=name,
                    training_container_name="forms",
                    training_blob_root_folder=f"t/{name}",
                    scoring_container_name="forms",
                    scoring_input_blob_folder=f"b/{name}",
                )
            )
    executor = ThreadExecutor(lambda task: task, 1)

    def now() -> datetime:
        return datetime.now(UTC)

    yield RunContext(
        sources=Sources(database, FolderStorages(tmp_path), load_services(), now),
        readers=executor,
        trainer=executor,
        services=ServiceAccess(no_service, 60),
        terms=LeaseTerms(this_holder(), 60, now),
        limits=ScoringLimits(60, 5, 60, 50, 0.5),
        training_timeout=60,
        scratch=tmp_path,
        stopping=lambda: False,
        listener=lambda event: None,
        sinks=NoSinks(),
    )
    executor.close()


class NoSinks:
    def of(self, name: str) -> Any:
        raise AssertionError("these rows have no sink but SQL")


def no_service(names: object, engine: str, api_version: str | None) -> Any:
    raise AssertionError("these rows are of the local engine")


def test_a_row_that_cannot_train_is_failed_and_the_next_one_is_tried(context: RunContext) -> None:
    rows = execute(context, RunOptions()).rows
    assert [(row.form_type, row.state) for row in rows] == [("first", "failed"), ("second", "failed")]
    assert all("no-model" in str(row.reason) for row in rows)


def test_a_bug_costs_only_its_row(context: RunContext, monkeypatch: pytest.MonkeyPatch) -> None:
    real = preparing.decide

    def decide(sources: Sources, rows: Any) -> Any:
        if rows[0].form_type == "first":
            raise ZeroDivisionError("a secret value")
        return real(sources, rows)

    monkeypatch.setattr(preparing, "decide", decide)
    first, second = execute(context, RunOptions()).rows
    assert str(first.reason).startswith("unexpected-error: a bug: ZeroDivisionError at test_run_errors.py:")
    assert "secret" not in str(first.reason)
    assert "no-model" in str(second.reason)


def test_a_database_that_fails_ends_the_run_with_a_name(
    context: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decide(sources: Sources, rows: Any) -> Any:
        with sources.database.begin() as connection:
            connection.execute(text("SELECT * FROM nowhere WHERE a = :a"), {"a": "a secret value"})

    monkeypatch.setattr(preparing, "decide", decide)
    with pytest.raises(RunError) as caught:
        execute(context, RunOptions())
    assert caught.value.reason == "database-failed"
    assert "secret" not in str(caught.value) + str(caught.value.__cause__)


class Lines:
    def __init__(self, folder: Path) -> None:
        self.sink = JsonlSink(folder)

    def of(self, name: str) -> JsonlSink:
        return self.sink


def test_what_an_earlier_run_left_is_delivered_even_where_a_row_cannot_train(
    context: RunContext, tmp_path: Path
) -> None:
    lines = Lines(tmp_path / "lines")
    now = context.sources.now()
    with context.sources.database.begin() as connection:
        connection.execute(update(tables.form_type).values(sinks="sql,jsonl"))
        known = {"form_type": "first", "container": "forms", "path": "a", "path_hash": "a" * 64, "etag": "1"}
        done = {"size": 1, "stage": "done", "outcome": "loaded", "first_seen_at": now, "finished_at": now}
        connection.execute(insert(tables.document).values(**known, **done))
        connection.execute(insert(tables.part).values(document_id=1, number=1, first_page=1, last_page=1))
        deliveries.queue(connection, ("jsonl",), [1], now)
    first, _ = execute(replace(context, sinks=lines), RunOptions()).rows
    assert (first.form_type, first.state) == ("first", "failed")
    assert len(list(lines.sink.keys("first"))) == 1
