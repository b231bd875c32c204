from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, insert, update
from sqlalchemy.exc import IntegrityError

from pipeline.db import models, tables
from pipeline.errors import RowError
from pipeline.training import registry
from pipeline.training.decision import History, decide_training
from pipeline.training.records import TrainingDocument, TrainingFolder
from pipeline.types import Evaluation, FieldOutcome, FieldSpec, FormType, ModelVersion, Trained
from tests.unit.training.training_shelf import ROW

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DOCUMENT = TrainingDocument("a.pdf", "e", 1, "digest", (), "labels")
FIELDS = (FieldSpec("total", "currency", required=True), FieldSpec("date"))


def folder(fingerprint: str = "f1") -> TrainingFolder:
    return TrainingFolder("lake", "train/", True, (DOCUMENT,), (DOCUMENT,), FIELDS, fingerprint)


def measured(correct: int, of: int = 4) -> Evaluation:
    outcomes = (FieldOutcome(f"{n}.pdf", f"i{n}", "total", True, True, n < correct, 0.5) for n in range(of))
    return Evaluation("cross-validation", tuple(outcomes))


@pytest.fixture
def connection(database: Engine) -> Iterator[Connection]:
    with database.begin() as connection:
        add_row(connection, "invoices", None, "-1")
        yield connection


def add_row(connection: Connection, name: str, group: str | None, model_id: str | None) -> None:
    connection.execute(
        insert(tables.form_type).values(
            form_type=name,
            form_batch_group_id=group,
            training_container_name="lake",
            scoring_container_name="lake",
            model_id=model_id,
        )
    )


def train(connection: Connection, correct: int, fingerprint: str = "f1", day: int = 0) -> ModelVersion:
    """One whole training, settled by the gate."""
    now = NOW + timedelta(days=day)
    started = registry.start_version(connection, ROW, folder(fingerprint), now)
    model = f"model {started.version}".encode()
    registry.finish(connection, started.id, Trained(model, FIELDS, measured(correct), 4))
    registry.settle(connection, started.id, by="run", now=now)
    return registry.get(connection, started.id)


def ids(connection: Connection) -> dict[str, str | None]:
    return models.row_model_ids(connection, "invoices")


def states(connection: Connection) -> list[str]:
    return [version.state for version in models.versions(connection, "invoices")]


def test_starting_opens_a_version_and_consumes_minus_one(connection: Connection) -> None:
    started = registry.start_version(connection, ROW, folder(), NOW)
    assert (started.version, started.state) == (1, "training")
    assert started.service_model_id == "local-invoices-v1"
    assert (started.fingerprint, started.training_documents, started.fields) == ("f1", 1, FIELDS)
    assert ids(connection) == {"invoices": None}
    assert models.manifest(connection, started.id) == (("digest", "labels"),)


def test_the_first_model_is_promoted_and_its_id_written_to_every_row(connection: Connection) -> None:
    add_row(connection, "credits", "invoices", None)
    add_row(connection, "third", "invoices", "-1")
    add_row(connection, "stranger", None, "-1")
    first = train(connection, 4)
    assert (first.state, first.reason, first.promoted_by) == ("active", "first model", "run")
    assert first.promoted_at == NOW
    assert set(ids(connection).values()) == {"local-invoices-v1"}
    assert len(ids(connection)) == 3
    assert models.row_model_ids(connection, "stranger") == {"stranger": "-1"}


def test_a_better_version_retires_the_former(connection: Connection) -> None:
    train(connection, 2)
    second = train(connection, 3, "f2")
    assert states(connection) == ["retired", "active"]
    assert "F1 0.750 against 0.500" in (second.reason or "")
    assert ids(connection) == {"invoices": "local-invoices-v2"}


def test_a_worse_version_stays_candidate_and_rows_keep_their_model(connection: Connection) -> None:
    train(connection, 4)
    second = train(connection, 1, "f2")
    assert states(connection) == ["active", "candidate"]
    assert "worse in total" in (second.reason or "")
    assert ids(connection) == {"invoices": "local-invoices-v1"}


def test_a_refused_version_is_not_trained_again_until_something_changes(connection: Connection) -> None:
    train(connection, 4)
    train(connection, 1, "f2")
    history = History(models.versions(connection, "invoices"))
    row = replace(ROW, model_id="local-invoices-v1")
    assert decide_training([row], folder("f2"), history).action == "refused"
    assert decide_training([row], folder("f3"), history).action == "train"


def test_only_one_version_of_a_group_can_be_active(connection: Connection) -> None:
    train(connection, 4)
    second = train(connection, 1, "f2")
    with pytest.raises(IntegrityError):
        models.move(connection, second.id, "active", expected=("candidate",))


def test_what_a_killed_process_left_becomes_invalid_and_is_trained_again(connection: Connection) -> None:
    left = registry.start_version(connection, ROW, folder(), NOW)
    history = History(models.versions(connection, "invoices"))
    assert decide_training([ROW], folder(), history).action == "train"
    again = registry.start_version(connection, ROW, folder(), NOW)
    assert again.version == 2
    ended = registry.get(connection, left.id)
    assert (ended.state, ended.reason) == ("invalid", registry.INTERRUPTED)


def test_a_training_that_another_run_ended_cannot_be_finished(connection: Connection) -> None:
    left = registry.start_version(connection, ROW, folder(), NOW)
    registry.end_interrupted(connection, "invoices")
    with pytest.raises(RowError) as raised:
        registry.finish(connection, left.id, Trained(b"late", FIELDS, Evaluation("none"), 4))
    assert raised.value.reason == "training-superseded"


def test_a_failed_training_is_invalid_with_its_reason(connection: Connection) -> None:
    started = registry.start_version(connection, ROW, folder(), NOW)
    registry.fail(connection, started.id, "untrainable: too little text")
    ended = registry.get(connection, started.id)
    assert (ended.state, ended.reason) == ("invalid", "untrainable: too little text")
    with pytest.raises(RowError, match="invalid and cannot be used"):
        registry.promote(connection, started.id, by="p", now=NOW, reason="r")


def test_a_model_id_that_a_person_changed_meanwhile_is_kept(connection: Connection) -> None:
    started = registry.start_version(connection, ROW, folder(), NOW)
    connection.execute(update(tables.form_type).values(model_id="-1"))
    registry.finish(connection, started.id, Trained(b"m", FIELDS, measured(4), 4))
    registry.settle(connection, started.id, by="run", now=NOW)
    assert ids(connection) == {"invoices": "-1"}


def test_rolling_back_returns_to_the_version_that_was_active_before(connection: Connection) -> None:
    train(connection, 2)
    train(connection, 3, "f2", day=1)
    back = registry.roll_back(connection, "invoices", by="ada", now=NOW + timedelta(days=2))
    assert (back.version, back.state, back.promoted_by) == (1, "active", "ada")
    assert back.reason == "rolled back from version 2"
    assert ids(connection) == {"invoices": "local-invoices-v1"}


def test_after_a_rollback_the_version_left_is_not_trained_again(connection: Connection) -> None:
    train(connection, 2)
    train(connection, 3, "f2", day=1)
    registry.roll_back(connection, "invoices", by="ada", now=NOW + timedelta(days=2))
    row = replace(ROW, model_id="local-invoices-v1")
    decision = decide_training([row], folder("f2"), History(models.versions(connection, "invoices")))
    assert (decision.action, decision.version) == ("refused", 1)
    assert "went back" in decision.reason


def test_rolling_back_twice_goes_two_steps_back(connection: Connection) -> None:
    for number in range(1, 4):
        train(connection, number, f"f{number}", day=number)
    later = NOW + timedelta(days=9)
    assert registry.roll_back(connection, "invoices", by="ada", now=later).version == 2
    assert registry.roll_back(connection, "invoices", by="ada", now=later).version == 1
    with pytest.raises(RowError, match="no earlier model"):
        registry.roll_back(connection, "invoices", by="ada", now=later)
    assert states(connection) == ["active", "candidate", "candidate"]


def test_a_person_can_promote_a_refused_candidate(connection: Connection) -> None:
    train(connection, 4)
    refused = train(connection, 1, "f2")
    registry.promote(connection, refused.id, by="ada", now=NOW, reason="chosen by ada", overwrite=True)
    assert states(connection) == ["retired", "active"]
    assert ids(connection) == {"invoices": "local-invoices-v2"}


def test_promoting_the_active_version_repairs_the_rows_alone(connection: Connection) -> None:
    first = train(connection, 4)
    connection.execute(update(tables.form_type).values(model_id=None))
    again = registry.promote(connection, first.id, by="ada", now=NOW + timedelta(days=1), reason="again")
    assert again == first
    assert ids(connection) == {"invoices": "local-invoices-v1"}


def test_adopting_another_groups_model_shares_its_bytes_and_takes_todays_set(connection: Connection) -> None:
    train(connection, 4)
    add_row(connection, "credits", None, "local-invoices-v1")
    row: FormType = replace(ROW, form_type="credits", group="credits")
    known = registry.model_known_here(connection, row, "local-invoices-v1")
    adopted = registry.adopt(connection, row, known, folder("today"), NOW)
    assert (adopted.group, adopted.state, adopted.fingerprint) == ("credits", "active", "today")
    assert models.load_bundle(connection, adopted.id) == b"model 1"
    assert models.load_bundle_of_model(connection, "local", "local-invoices-v1") == b"model 1"
    models.drop_bundles(connection, [adopted.id])
    assert models.load_bundle_of_model(connection, "local", "local-invoices-v1") == b"model 1"
    assert models.load_bundle_of_model(connection, "local", "local-invoices-v9") is None
    named = replace(row, model_id="local-invoices-v1")
    history = History(models.versions(connection, "credits"))
    assert decide_training([named], folder("today"), history).action == "keep"
    assert registry.trainings_this_month(connection, "credits", NOW) == 0


def test_an_unknown_model_id_cannot_be_adopted(connection: Connection) -> None:
    with pytest.raises(RowError) as raised:
        registry.model_known_here(connection, ROW, "nowhere")
    assert raised.value.reason == "model-unknown"


def test_trainings_are_counted_by_calendar_month_whatever_became_of_them(connection: Connection) -> None:
    train(connection, 2, day=-40)
    started = registry.start_version(connection, ROW, folder("f2"), NOW.replace(day=1, hour=0))
    registry.fail(connection, started.id, "x")
    train(connection, 3, "f3")
    assert registry.trainings_this_month(connection, "invoices", NOW) == 2


def test_old_models_are_dropped_but_not_the_one_in_use_nor_the_way_back(connection: Connection) -> None:
    for number in range(1, 5):
        train(connection, number, f"f{number}", day=number)
    registry.roll_back(connection, "invoices", by="ada", now=NOW + timedelta(days=8))
    assert registry.prune(connection, "invoices", keep=1) == 1
    kept = [models.load_bundle(connection, v.id) is not None for v in models.versions(connection, "invoices")]
    assert kept == [False, True, True, True]
    with pytest.raises(RowError, match="no longer stored"):
        registry.promote(connection, 1, by="ada", now=NOW, reason="r")


def test_finding_prefers_the_active_version_then_the_newest(connection: Connection) -> None:
    with pytest.raises(RowError, match="has no model"):
        registry.find(connection, "invoices")
    registry.start_version(connection, ROW, folder(), NOW)
    assert registry.find(connection, "invoices").version == 1
    train(connection, 4)
    train(connection, 1, "f2")
    assert registry.find(connection, "invoices").version == 2
    assert registry.find(connection, "invoices", 3).state == "candidate"
    with pytest.raises(RowError, match="has no version 9"):
        registry.find(connection, "invoices", 9)
