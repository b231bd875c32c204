from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, Engine, func, insert, select
from sqlalchemy.exc import IntegrityError

from pipeline.db import models
from pipeline.db.evaluations import evaluation_json, read_evaluation, read_manifest
from pipeline.db.models import NewVersion
from pipeline.db.tables import form_type, model_bundle
from pipeline.texts import CategoryScore, TextEvaluation, TextOutcome
from pipeline.types import Evaluation, FieldOutcome, FieldSpec

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
FIELDS = (FieldSpec("Größe", "currency", "currency", True, "de_DE", 0.7, "amount"), FieldSpec("date"))
NEW = NewVersion("invoices", "local", None, "form", "f1", FIELDS, 7, (("aa", "bb"),))


@pytest.fixture
def database(each_database: Engine) -> Engine:
    """Of every dialect that can be had."""
    return each_database


@pytest.fixture
def connection(database: Engine) -> Iterator[Connection]:
    with database.begin() as connection:
        yield connection


def add(connection: Connection, number: int = 1, new: NewVersion = NEW) -> int:
    return models.insert_version(connection, new, number, f"local-{new.group}-v{number}", NOW)


def test_a_version_is_read_back_as_it_was_written(connection: Connection) -> None:
    found = models.by_id(connection, add(connection))
    assert found is not None
    assert (found.group, found.version, found.state, found.fields) == ("invoices", 1, "training", FIELDS)
    assert (found.created_at, found.training_documents, found.evaluation) == (NOW, 7, None)
    assert models.manifest(connection, found.id) == (("aa", "bb"),)


def test_numbers_count_up_by_group_and_are_taken_once(connection: Connection) -> None:
    assert models.next_version(connection, "invoices") == 1
    add(connection, 4)
    assert models.next_version(connection, "invoices") == 5
    assert models.next_version(connection, "others") == 1
    with pytest.raises(IntegrityError):
        add(connection, 4)


def test_a_result_makes_a_candidate_once_and_keeps_what_it_was_trained_on(connection: Connection) -> None:
    key = add(connection)
    outcome = FieldOutcome("a.pdf", "i", "date", True, True, True, 0.9)
    digest = models.store_bundle(connection, b"model")

    def record() -> bool:
        return models.record_result(
            connection,
            key,
            fields=FIELDS,
            evaluation=Evaluation("hold-out", (outcome,)),
            bundle_sha256=digest,
            training_documents=6,
        )

    assert record()
    assert not record()
    found = models.by_number(connection, "invoices", 1)
    assert found is not None
    assert found.evaluation == Evaluation("hold-out", (outcome,))
    assert (found.state, found.training_documents) == ("candidate", 6)
    assert models.f1_scores(connection, "invoices") == {key: 1.0}
    assert models.f1_scores(connection, "others") == {}
    assert models.versions(connection, "invoices")[0].evaluation is None
    assert models.manifest(connection, key) == (("aa", "bb"),)
    assert models.load_bundle(connection, key) == b"model"


def test_an_evaluation_survives_storage_and_holds_no_values() -> None:
    outcomes = (
        FieldOutcome("a.pdf", "i1", "total", True, True, False, 0.25),
        FieldOutcome("b.pdf", "i2", "total", False, True, False, 0.5),
        FieldOutcome("a.pdf", "i1", "date", True, False, False),
    )
    text = evaluation_json(Evaluation("cross-validation", outcomes), (("aa", "bb"),))
    assert read_evaluation(text) == Evaluation("cross-validation", outcomes)
    assert read_manifest(text) == (("aa", "bb"),)
    assert read_evaluation(None) is None
    assert read_evaluation(evaluation_json(None)) is None
    assert read_evaluation(evaluation_json(Evaluation("none"))) == Evaluation("none")


def test_equal_models_are_stored_once_and_deleted_with_their_last_version(connection: Connection) -> None:
    first, second = add(connection, 1), add(connection, 2)
    digests = {models.store_bundle(connection, b"same") for _ in range(2)}
    (digest,) = digests
    for key in (first, second):
        models.move(connection, key, "candidate", expected=("training",), bundle_sha256=digest)
    count = select(func.count()).select_from(model_bundle)
    assert connection.scalar(count) == 1
    assert models.drop_bundles(connection, [first]) == 0
    assert models.drop_bundles(connection, [second]) == 1
    assert models.load_bundle(connection, second) is None


def test_moving_only_works_from_an_expected_state(connection: Connection) -> None:
    key = add(connection)
    assert not models.move(connection, key, "active", expected=("candidate", "retired"))
    assert models.move(connection, key, "invalid", expected=("training",), reason="why")
    found = models.by_id(connection, key)
    assert found is not None
    assert (found.state, found.reason) == ("invalid", "why")


def test_versions_are_ordered_and_the_active_one_is_found(connection: Connection) -> None:
    for number in (10, 9):
        add(connection, number)
    other = NewVersion("credits", "local", None, "form", "f", (), 1)
    key = add(connection, 1, other)
    models.move(connection, key, "active", expected=("training",))
    found = [(version.group, version.version) for version in models.versions(connection)]
    assert found == [("credits", 1), ("invoices", 9), ("invoices", 10)]
    assert models.active(connection, "invoices") is None
    in_use = models.active(connection, "credits")
    assert in_use is not None
    assert in_use.id == key


def test_rows_without_a_group_are_their_own_and_ids_are_written_by_compare_and_set(
    connection: Connection,
) -> None:
    for name, group, model_id in (("a", None, "-1"), ("b", "a", "old"), ("c", None, None), ("d", "c", "x")):
        connection.execute(
            insert(form_type).values(
                form_type=name,
                form_batch_group_id=group,
                training_container_name="lake",
                scoring_container_name="lake",
                model_id=model_id,
            )
        )
    assert models.row_model_ids(connection, "a") == {"a": "-1", "b": "old"}
    assert models.row_model_ids(connection, "c") == {"c": None, "d": "x"}
    assert models.group_of(connection, "b") == "a"
    assert models.group_of(connection, "c") == "c"
    assert models.group_of(connection, "nobody") is None
    assert not models.write_model_id(connection, "a", "new", expected=(None, "old"))
    assert models.write_model_id(connection, "b", "new", expected=(None, "old"))
    assert models.write_model_id(connection, "c", "new", expected=(None,))
    assert models.row_model_ids(connection, "a") == {"a": "-1", "b": "new"}


def test_an_evaluation_of_texts_survives_storage() -> None:
    measured = TextEvaluation(
        "classes",
        "percentage",
        {"letter": CategoryScore(3, 1, 0, 2), "bill": CategoryScore(2, 0, 1, 3)},
        {"bill": {"bill": 2, "letter": 1}, "letter": {"letter": 3}},
        (TextOutcome("in/a.txt", "d1", ("bill",), ("letter",)),),
        6,
    )
    outcome = FieldOutcome("in/a.txt", "i1", "class", True, True, False)
    evaluation = Evaluation("hold-out", (outcome,), texts=measured)
    assert read_evaluation(evaluation_json(evaluation)) == evaluation
    assert evaluation.f1 == measured.micro_f1
