"""Which models may go, and that nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, insert

from pipeline.db import models, tables
from pipeline.errors import AttemptError
from pipeline.training.janitor import prunable, remove, spared
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


def test_a_model_that_another_version_or_a_row_uses_stays_on_the_service() -> None:
    adopted = [
        version(1, "retired", "same", 1),
        version(2, "retired", "x", 2),
        version(3, "active", "same", 3),
    ]
    shared = {e.version.version: e.shared for e in prunable(adopted, 1)}
    assert shared == {1: True}
    assert [
        e.shared for e in prunable([version(1, "invalid"), version(2, "active", promoted=2)], 1, ["m1"])
    ] == [True]


@given(st.lists(st.tuples(st.sampled_from(STATES), st.integers(0, 9)), max_size=12), st.integers(1, 4))
def test_an_active_model_never_goes(history: list[tuple[str, int]], keep: int) -> None:
    versions = [version(n, state, promoted=day) for n, (state, day) in enumerate(history, start=1)]
    going = {each.version.id for each in prunable(versions, keep)}
    assert not going & {v.id for v in versions if v.state in ("active", "training", "candidate")}
    assert not going & spared(versions, keep)


class Service:
    def __init__(self, error: Exception | None = None) -> None:
        self.deleted: list[str] = []
        self.error = error

    def delete_model(self, model_id: str) -> None:
        if self.error:
            raise self.error
        self.deleted.append(model_id)


def test_a_model_is_forgotten_only_after_the_service_deleted_it(database: Engine) -> None:
    with database.begin() as connection:
        connection.execute(
            insert(tables.model_version).values(
                id=1, form_batch_group_id="bills", version=1, engine="form-recognizer", api_version="v2.1",
                model_kind="form", service_model_id="m1", fingerprint="f", state="invalid", created_at=START,
            )
        )  # fmt: skip
    with database.begin() as connection:
        (each,) = prunable(models.versions(connection, "bills"), 1)
    failing, service = Service(AttemptError("away", reason="not-reachable")), Service()
    with pytest.raises(AttemptError), database.begin() as connection:
        remove(connection, each, lambda version: failing)  # type: ignore[arg-type,return-value]
    with database.begin() as connection:
        assert models.versions(connection, "bills")[0].service_model_id == "m1"
        remove(connection, each, lambda version: service)  # type: ignore[arg-type,return-value]
        (left,) = models.versions(connection, "bills")
    assert (left.service_model_id, left.state, service.deleted) == ("", "invalid", ["m1"])
