from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine
from typer.testing import Result

from pipeline.db import models
from pipeline.training import registry
from pipeline.training.records import TrainingDocument, TrainingFolder
from pipeline.types import Evaluation, FieldOutcome, FieldSpec, FormType, Trained

Run = Callable[..., Result]
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
FIELDS = (FieldSpec("total [net]"), FieldSpec("date"))
DOCUMENT = TrainingDocument("a.pdf", "e", 1, "digest", (), "labels")


def evaluation(correct: int) -> Evaluation:
    return Evaluation(
        "cross-validation",
        tuple(
            FieldOutcome(f"train/[b]{n}.pdf", f"i{n}", field, True, True, n < correct)
            for n in range(4)
            for field in ("total [net]", "date")
        ),
    )


@pytest.fixture
def trained(database: Engine, row: Callable[..., None]) -> Engine:
    """A group of two form types with three versions: 1 retired, 2 active, 3 refused."""
    row("invoices")
    row("credits", form_batch_group_id="invoices")
    form_type = FormType("invoices", "invoices", "lake", "train/", "lake", "")
    with database.begin() as connection:
        for number, correct in enumerate((2, 3, 1), start=1):
            fingerprint = f"f{number}"
            folder = TrainingFolder("lake", "train/", True, (DOCUMENT,), (DOCUMENT,), FIELDS, fingerprint)
            started = registry.start_version(connection, form_type, folder, NOW)
            trained = Trained(f"m{number}".encode(), FIELDS, evaluation(correct), 4)
            registry.finish(connection, started.id, trained)
            registry.settle(connection, started.id, by="run", now=NOW)
    return database


def in_use(database: Engine) -> tuple[int, set[str | None]]:
    with database.begin() as connection:
        active = models.active(connection, "invoices")
        assert active is not None
        return active.version, set(models.row_model_ids(connection, "invoices").values())


def test_list_without_models_says_how_to_get_one(run: Run) -> None:
    result = run("models", "list")
    assert result.exit_code == 0
    assert "formpipe run" in result.output


def test_list_shows_versions_states_scores_and_reasons(run: Run, trained: Engine) -> None:
    listed = run("models", "list", "invoices").output.splitlines()
    assert [line.split()[:4] for line in listed[1:]] == [
        ["invoices", "1", "retired", "0.500"],
        ["invoices", "2", "active", "0.750"],
        ["invoices", "3", "candidate", "0.250"],
    ]
    assert "worse in" in listed[3]


def test_list_as_json_is_for_programs(run: Run, trained: Engine) -> None:
    listed = json.loads(run("models", "list", "--output", "json").output)
    assert [(v["version"], v["state"], v["f1"], v["model_id"]) for v in listed] == [
        (1, "retired", 0.5, "local-invoices-v1"),
        (2, "active", 0.75, "local-invoices-v2"),
        (3, "candidate", 0.25, "local-invoices-v3"),
    ]


def test_show_gives_scores_method_reason_and_the_forms_that_came_out_wrong(run: Run, trained: Engine) -> None:
    shown = run("models", "show", "invoices").output
    assert "by cross-validation" in shown
    assert "F1 0.750 against 0.500 of version 1" in shown
    assert ["total", "[net]", "0.750", "0.750", "0.750", "3", "4", "4"] in [
        line.split() for line in shown.splitlines()
    ]
    assert "train/[b]3.pdf" in shown
    assert "train/[b]2.pdf" not in shown


def test_show_takes_a_form_type_of_the_group_and_a_version(run: Run, trained: Engine) -> None:
    shown = json.loads(run("models", "show", "credits", "--version", "1", "--output", "json").output)
    assert (shown["group"], shown["version"], shown["evaluation"]) == ("invoices", 1, "cross-validation")
    assert shown["overall"]["correct"] == 4
    assert shown["wrong"]["date"] == ["train/[b]2.pdf", "train/[b]3.pdf"]


def test_promote_puts_a_version_to_use_for_every_row(run: Run, trained: Engine) -> None:
    result = run("models", "promote", "invoices", "3")
    assert result.exit_code == 0
    assert "scores with version 3" in result.output
    assert in_use(trained) == (3, {"local-invoices-v3"})


def test_rollback_returns_to_the_version_before(run: Run, trained: Engine) -> None:
    assert run("models", "rollback", "credits").exit_code == 0
    assert in_use(trained) == (1, {"local-invoices-v1"})


def test_what_is_not_there_is_a_named_error(run: Run, trained: Engine) -> None:
    assert getattr(run("models", "show", "nothing").exception, "reason", "") == "model-unknown"
    assert getattr(run("models", "promote", "invoices", "9").exception, "reason", "") == "model-unknown"
    run("models", "rollback", "invoices")
    assert getattr(run("models", "rollback", "invoices").exception, "reason", "") == "nothing-to-roll-back-to"


@pytest.mark.parametrize("command", ["list", "show", "promote", "rollback", "prune"])
def test_every_command_has_an_example(run: Run, command: str) -> None:
    assert f"Example: formpipe models {command}" in run("models", command, "--help").output
