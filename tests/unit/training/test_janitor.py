"""Which models may go, and that nothing else does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, insert

from pipeline.db import operations, tables
from pipeline.errors import RowError
from pipeline.remote import Operation
from pipeline.training import registry
from pipeline.training.janitor import (
    DELETED,
    begin_removal,
    end_removal,
    find_prunable,
    left_at_service,
    prunable,
    spared,
)
from pipeline.types import ModelVersion

START = datetime(2026, 3, 1, tzinfo=UTC)
STATES = ("training", "candidate", "active", "retired", "invalid")


def version(
    number: int, state: Any, model_id: str | None = None, promoted: int | None = None
) -> ModelVersion:
    at = None if promoted is None else START + timedelta(days=promoted)
    name = f"m{number}" if model_id is None else model_id
    return ModelVersion(
        number, "bills", number, "form-recognizer", "v2.1", "form", name, "f", state, promoted_at=at
    )


def numbers(*versions: ModelVersion, keep: int = 2, in_use: tuple[str, ...] = ()) -> list[int]:
    return [each.version.version for each in prunable(versions, keep, in_use)]


def test_retired_beyond_what_is_kept_and_invalid_ones_go() -> None:
    history = [version(n, "retired", promoted=n) for n in (1, 2, 3, 4)]
    assert numbers(*history, version(5, "invalid"), version(6, "active", promoted=6)) == [1, 2, 3, 5]


def test_the_one_a_rollback_returns_to_stays() -> None:
    old = version(1, "retired", promoted=9)
    others = [version(n, "retired", promoted=n) for n in (2, 3)]
    assert numbers(old, *others, version(4, "candidate"), version(5, "active", promoted=5), keep=1) == [2, 3]


def test_what_has_no_model_or_still_trains_is_left_alone() -> None:
    assert numbers(version(1, "invalid", ""), version(2, "training"), version(3, "candidate"), keep=1) == []


def test_a_model_that_another_version_or_a_row_or_another_group_uses_stays() -> None:
    adopted = [
        version(1, "retired", "same", 1),
        version(2, "retired", "x", 2),
        version(3, "active", "same", 3),
    ]
    assert numbers(*adopted, keep=1) == []
    assert numbers(version(1, "invalid"), version(2, "active", promoted=2), in_use=("m1",)) == []


URL = "https://x.cognitiveservices.azure.com/formrecognizer/v2.1/custom/models/"
GUID = "6AC7C2AC-4b0f-4b1a-8f0e-0c63a7e0b1d2"


@pytest.mark.parametrize(
    ("engine", "url", "subject", "left"),
    [
        ("form-recognizer", f"{URL}{GUID}", "bills-v1", GUID),
        ("form-recognizer", f"{URL}{GUID}?includeKeys=true", "bills-v1", GUID),
        ("form-recognizer", f"{URL}asyncTrainOperations/{GUID}", "bills-v1", ""),
        ("form-recognizer", "", "bills-v1", ""),
        ("document-intelligence", "", "bills-v1-abc", "bills-v1-abc"),
        ("document-intelligence", "https://x/documentintelligence/operations/1", "", ""),
    ],
)
def test_what_a_training_without_a_result_left_is_known(
    engine: str, url: str, subject: str, left: str
) -> None:
    assert (
        left_at_service(
            engine, [Operation(2, "train", "", subject=""), Operation(1, "train", url, subject=subject)]
        )
        == left
    )


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(STATES), st.integers(0, 9)), max_size=12), st.integers(1, 4))
def test_an_active_model_never_goes(history: list[tuple[str, int]], keep: int) -> None:
    versions = [version(n, state, promoted=day) for n, (state, day) in enumerate(history, start=1)]
    going = {each.version.id for each in prunable(versions, keep)}
    assert not going & {v.id for v in versions if v.state in ("active", "training", "candidate")}
    assert not going & spared(versions, keep)


@pytest.fixture
def connection(database: Engine) -> Iterator[Connection]:
    with database.begin() as connection:
        yield connection


def insert_version(connection: Connection, number: int, state: str, **cells: Any) -> None:
    values = {"form_batch_group_id": "bills", "service_model_id": f"m{number}"} | cells
    connection.execute(
        insert(tables.model_version).values(
            id=number, version=number, engine="form-recognizer", api_version="v2.1", model_kind="form",
            fingerprint="f", state=state, created_at=START, **values,
        )
    )  # fmt: skip


def going(connection: Connection, keep: int = 1) -> list[int]:
    return [each.version.version for each in find_prunable(connection, "bills", keep)]


def test_rows_and_versions_of_other_groups_keep_a_model(connection: Connection) -> None:
    for number in (1, 2, 3):
        insert_version(connection, number, "invalid")
    insert_version(connection, 4, "active", form_batch_group_id="other", service_model_id="m2")
    faulty = {
        "form_type": "odd",
        "locale": "no locale",
        "training_container_name": "forms",
        "scoring_container_name": "forms",
    }
    connection.execute(insert(tables.form_type).values(model_id="m3", **faulty))
    assert going(connection) == [1]


def test_a_model_that_is_going_is_taken_up_by_nobody(connection: Connection) -> None:
    for number in (1, 2):
        insert_version(connection, number, "retired", promoted_at=START + timedelta(days=number))
    insert_version(connection, 3, "active")
    assert begin_removal(connection, "bills", 1, 1)
    with pytest.raises(RowError) as caught:
        registry.promote(connection, 1, by="person", now=START, reason="back")
    assert caught.value.reason == "model-not-usable"
    assert going(connection) == [1], "a removal that was cut off is found again"
    end_removal(connection, registry.get(connection, 1))
    left = registry.get(connection, 1)
    assert (left.state, left.service_model_id) == ("invalid", "")
    assert left.reason == f"retired; {DELETED}"
    assert going(connection) == []


def test_a_model_that_came_into_use_meanwhile_stays(connection: Connection) -> None:
    for number in (1, 2):
        insert_version(connection, number, "retired", promoted_at=START + timedelta(days=number))
    insert_version(connection, 3, "active")
    assert going(connection) == [1]
    registry.promote(connection, 1, by="person", now=START + timedelta(days=9), reason="back")
    assert not begin_removal(connection, "bills", 1, 1)
    assert registry.get(connection, 1).state == "active"


def test_an_invalid_version_knows_what_it_left_at_the_service(connection: Connection) -> None:
    insert_version(connection, 1, "training", service_model_id=None)
    intent = operations.Intent("train", "bills", "me", START, 1, "bills-v1-f")
    url = f"{URL}{GUID}"
    operations.submitted(connection, operations.intend(connection, intent, START), url, START)
    registry.fail(connection, 1, "training-failed: 2014")
    left = registry.get(connection, 1)
    assert (left.state, left.service_model_id, left.reason) == ("invalid", GUID, "training-failed: 2014")
    assert going(connection) == [1]
    end_removal(connection, left)
    assert registry.get(connection, 1).reason == f"training-failed: 2014; {DELETED}"
