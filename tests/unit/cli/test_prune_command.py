"""`formpipe models prune` against a service that deletes, refuses or is away."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select
from typer.testing import CliRunner, Result

from pipeline.cli import prune
from pipeline.cli.main import app
from pipeline.db import leases, tables
from pipeline.errors import AttemptError

Run = Callable[..., Result]
START = datetime(2026, 3, 1, tzinfo=UTC)


class Service:
    """Deletes, but for the models it is told to fail at; writes to the database while it is asked."""

    def __init__(self, database: Engine) -> None:
        self.database = database
        self.deleted: list[str] = []
        self.failing: set[str] = set()
        self.asked: list[tuple[str, str | None]] = []

    def of(self, names: Any, engine: str, api_version: str | None) -> Service:
        self.asked.append((engine, api_version))
        return self

    def delete_model(self, model_id: str) -> None:
        with self.database.begin() as connection:  # waits for ever where the command holds the write lock
            connection.execute(insert(tables.event).values(at=START, name="meanwhile"))
        if model_id in self.failing:
            raise AttemptError("the service is away", reason="service-unavailable")
        self.deleted.append(model_id)


@pytest.fixture
def service(database: Engine, row: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Service:
    """A group with an invalid version, three retired ones and an active one; one version is kept."""
    row("bills", engine="form-recognizer", api_version="v2.1", keep_versions=1, model_id="m5")
    states = ("invalid", "retired", "retired", "retired", "active")
    with database.begin() as connection:
        for number, state in enumerate(states, start=1):
            connection.execute(
                insert(tables.model_version).values(
                    id=number, form_batch_group_id="bills", version=number, engine="form-recognizer",
                    api_version="v2.1", model_kind="form", service_model_id=f"m{number}", fingerprint="f",
                    state=state, created_at=START,
                    promoted_at=None if state == "invalid" else START + timedelta(days=number),
                )
            )  # fmt: skip
    made = Service(database)
    monkeypatch.setattr(prune, "remote_engines", lambda app: made.of)
    return made


def kept(database: Engine) -> dict[int, str | None]:
    version = tables.model_version.c
    with database.begin() as connection:
        return {
            row.version: row.service_model_id
            for row in connection.execute(select(version.version, version.service_model_id))
        }


def test_a_dry_run_shows_what_would_go_and_deletes_nothing(
    run: Run, service: Service, database: Engine
) -> None:
    shown = run("models", "prune", "--dry-run")
    assert shown.exit_code == 0
    lines = [line.split() for line in shown.output.splitlines()]
    assert [line[1:5] for line in lines[1:4]] == [
        [str(number), "form-recognizer", "v2.1", f"m{number}"] for number in (1, 2, 3)
    ]
    assert "Nothing was deleted." in shown.output
    assert (service.deleted, len([*filter(None, kept(database).values())])) == ([], 5)


def test_what_is_needed_stays_and_the_rest_goes_on_the_service_and_here(
    run: Run, service: Service, database: Engine
) -> None:
    result = run("models", "prune", "--yes")
    assert result.exit_code == 0
    assert service.deleted == ["m1", "m2", "m3"]
    assert kept(database) == {1: None, 2: None, 3: None, 4: "m4", 5: "m5"}
    assert "3 models deleted" in result.output
    assert "No model is to be deleted." in run("models", "prune", "--yes").output
    assert "its model was deleted" in run("models", "list").output


def test_a_person_may_say_no(run: Run, service: Service, database: Engine) -> None:
    asked = CliRunner().invoke(app, ["models", "prune"], input="n\n")
    assert "Delete 3 models?" in asked.output
    assert service.deleted == []


def test_a_model_that_cannot_be_deleted_costs_only_itself(
    run: Run, service: Service, database: Engine
) -> None:
    service.failing = {"m2"}
    result = run("models", "prune", "--yes", "--output", "json")
    assert result.exit_code == 1
    told = {each["model_id"]: (each["deleted"], each["error"]) for each in json.loads(result.output)}
    assert told == {"m1": (True, None), "m2": (False, "service-unavailable"), "m3": (True, None)}
    service.failing = set()
    assert run("models", "prune", "--yes").exit_code == 0
    assert service.deleted == ["m1", "m3", "m2"]


def test_nothing_goes_while_a_run_holds_the_group(run: Run, service: Service, database: Engine) -> None:
    with database.begin() as connection:
        now = datetime.now(UTC)
        leases.take(connection, "group:bills", "elsewhere:1:1:a", now=now, seconds=600, over=None)
    result = run("models", "prune", "--yes")
    assert result.exit_code == 1
    assert "another run" in result.output
    assert service.deleted == []


def test_a_program_is_not_asked(run: Run, service: Service) -> None:
    listed = json.loads(run("models", "prune", "--output", "json").output)
    assert [(each["version"], each["deleted"]) for each in listed] == [(1, False), (2, False), (3, False)]
    assert service.deleted == []


def test_a_form_type_that_is_not_there_is_named(run: Run, service: Service) -> None:
    assert getattr(run("models", "prune", "-f", "bill").exception, "reason", "") == "unknown-form-type"
    assert run("models", "prune", "-f", "bills", "--yes").exit_code == 0
    assert set(service.asked) == {("form-recognizer", "v2.1")}
