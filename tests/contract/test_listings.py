"""A listing against the documents of a database, and what becomes of what is gone, on every dialect."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Engine, func, insert, select, text, update

from pipeline.db import claims, gone, listings, targets
from pipeline.db.documents import path_hash
from pipeline.db.gone import Emptied
from pipeline.db.tables import delivery, document, event, field_value, part, table_cell
from pipeline.db.views import ViewOptions, refresh
from pipeline.scoring.gone import remove_gone_values
from pipeline.types import Blob, BlobRef, FieldSpec, FormType
from tests.unit.conftest import Ledger

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ROW = FormType("invoice", "invoice", "lake", "t/", "lake", "invoice/in/", on_gone="remove")
Answer = TypeVar("Answer")


@pytest.fixture
def state(each_database: Engine, tmp_path: Path) -> Ledger:
    ledger = Ledger(each_database, tmp_path)
    ledger.form_type("invoice")
    ledger.form_type("other")
    return ledger


def do(state: Ledger, statement: Callable[..., Answer], *args: object, **more: object) -> Answer:
    with state.database.begin() as connection:
        return statement(connection, *args, **more)


def refs(*paths: str, etag: str = "1") -> dict[str, tuple[BlobRef, Blob]]:
    found = [BlobRef("", "lake", path, etag) for path in paths]
    return {path_hash(ref): (ref, Blob(ref.path, etag, 10)) for ref in found}


def key(path: str) -> str:
    return path_hash(BlobRef("", "lake", path))


def add(state: Ledger, *paths: str, form_type: str = "invoice") -> list[int]:
    given = refs(*paths)
    do(state, listings.add, form_type, given, NOW)
    known = do(state, listings.find, form_type, list(given))
    return [known[each].id for each in given]


def rows(state: Ledger) -> Mapping[int, Any]:
    with state.database.connect() as connection:
        return {row.id: row for row in connection.execute(select(document))}


def count(state: Ledger, table: Any) -> int:
    with state.database.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


# --- comparing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["its own", "any"])
def test_a_listing_is_told_apart_from_what_is_known(state: Ledger, dialect: str) -> None:
    a, b, c, d = add(state, "a", "b", "ü'\"\\", "d")
    add(state, "a", "e", form_type="other")
    do(state, listings.mark_gone, [c, d], NOW)
    etags = {key("a"): "1", key("b"): "2", key("ü'\"\\"): "1", key("e"): "1"}
    compare = listings.compare if dialect == "its own" else listings._compare_in_lists
    found = do(state, compare, "invoice", etags)
    assert list(found.same) == [a]
    assert found.differing == {key("b"): b, key("ü'\"\\"): c, key("e"): None}


def test_nothing_listed_and_nothing_known_compare_too(state: Ledger) -> None:
    assert do(state, listings.compare, "invoice", {}).differing == {}
    assert do(state, listings.compare, "invoice", {"k": "1"}).differing == {"k": None}
    assert do(state, listings.highest_id, "invoice") == 0


def test_a_name_without_an_etag_is_compared_too(state: Ledger) -> None:
    given = refs("a", etag="")
    do(state, listings.add, "invoice", given, NOW)
    (found,) = do(state, listings.find, "invoice", list(given)).values()
    assert list(do(state, listings.compare, "invoice", {key("a"): ""}).same) == [found.id]


def test_thousands_of_names_are_compared_in_one_statement(state: Ledger) -> None:
    paths = [f"{number}" for number in range(3000)]
    ids = add(state, *paths)
    etags = {key(path): "1" for path in paths} | {key("7"): "2", key("new"): "1"}
    found = do(state, listings.compare, "invoice", etags)
    assert sorted(found.same) == sorted(set(ids) - {ids[7]})
    assert found.differing == {key("7"): ids[7], key("new"): None}
    assert sorted(listings.ids_of(state.database, "invoice", ids[-1])) == sorted(ids)


# --- writing ------------------------------------------------------------------------------------------


def test_two_runs_that_add_the_same_document_add_it_once(state: Ledger) -> None:
    (first,) = add(state, "a")
    run = state.run(state="running")
    assert do(state, claims.claim, "invoice", run, stage="pending", after=0, limit=9, now=NOW)
    assert add(state, "b", "a")[1] == first
    assert rows(state)[first].claimed_by == run
    assert count(state, document) == 2


def test_the_claim_of_a_changed_or_gone_document_ends(state: Ledger) -> None:
    changed, missing, other = add(state, "a", "b", "c")
    run = state.run(state="running")
    do(state, claims.claim, "invoice", run, stage="pending", after=0, limit=9, now=NOW)
    do(state, listings.renew, {changed: Blob("a", "2", 11)})
    do(state, listings.mark_gone, [missing], NOW)
    assert do(state, claims.standing, [changed, missing, other], run, LATER) == {other: "1"}
    found = rows(state)[changed]
    assert (found.stage, found.etag, found.size, found.content_hash) == ("pending", "2", 11, None)


def test_a_renewal_that_is_done_again_leaves_alone_what_a_run_has_taken_since(state: Ledger) -> None:
    """The connection was lost in the commit; before the second try another run claimed the new version."""
    (changed,) = add(state, "a")
    do(state, listings.renew, {changed: Blob("a", "2", 11)})
    run = state.run(state="running")
    do(state, claims.claim, "invoice", run, stage="pending", after=0, limit=9, now=NOW)
    do(state, listings.renew, {changed: Blob("a", "2", 11)})
    assert do(state, claims.standing, [changed], run, LATER) == {changed: "2"}


# --- what is gone -------------------------------------------------------------------------------------

VALUES = ({"field": "total"}, {"field": "no", "source": "person"})
_DONE = {"stage": "done", "outcome": "loaded"}


def scored(state: Ledger, name: str, outcome: str = "loaded", **columns: Any) -> int:
    found = state.document("invoice", name, outcome, **columns)
    if outcome == "gone":
        part_id = state.part(found, VALUES)
        state.insert(table_cell, part_id=part_id, table_index=0, row_index=0, column_index=0, page=1)
    return found


def remove(state: Ledger, row: FormType = ROW, batch: int = 2000) -> Emptied:
    return remove_gone_values(
        state.database, row, guard=lambda connection: None, now=lambda: LATER, batch=batch
    )


def test_the_values_of_gone_documents_are_removed_and_counted(state: Ledger) -> None:
    ids = [scored(state, f"{n}.pdf", "gone", reason="blob-gone") for n in range(5)]
    stays = state.document("invoice", "here.pdf", values=VALUES)
    assert remove(state, batch=2) == Emptied(documents=5, values=10, cells=5, last=ids[-1])
    assert (count(state, part), count(state, field_value), count(state, table_cell)) == (1, 2, 0)
    assert [rows(state)[each].outcome for each in (*ids, stays)] == ["gone"] * 5 + ["loaded"]
    assert remove(state).documents == 0
    with state.database.connect() as connection:
        told = connection.execute(select(event.c.form_type, event.c.details)).all()
    counts = [json.loads(row.details)["documents"] for row in told]
    assert ({row.form_type for row in told}, counts) == ({"invoice"}, [2, 2, 1])


def test_values_are_kept_by_the_other_policy_and_where_the_whole_backlog_vanished(state: Ledger) -> None:
    scored(state, "a.pdf", "gone", reason="blob-gone")
    assert remove(state, replace(ROW, on_gone="keep")) == Emptied()
    with state.database.begin() as connection:
        connection.execute(update(document).values(reason="backlog-vanished"))
    assert remove(state).documents == 0
    assert count(state, field_value) == 2


@pytest.mark.parametrize("stage", ["pending", "claimed", "submitting", "submitted"])
def test_values_wait_for_what_may_take_them_over_but_not_for_ever(state: Ledger, stage: str) -> None:
    """What has not been read yet may be the same under a new name."""
    ages = {"new.pdf": timedelta(days=6, hours=23), "old.pdf": timedelta(days=7, seconds=1)}
    for name, age in ages.items():
        scored(state, name, "gone", reason="blob-gone", finished_at=LATER - age)
    waiting = state.document("invoice", "waits.pdf", None, stage=stage)
    assert remove(state).documents == 1
    assert remove(state).documents == 0
    with state.database.begin() as connection:
        connection.execute(update(document).where(document.c.id == waiting).values(_DONE))
    assert remove(state).documents == 1


def test_values_wait_for_nothing_of_other_rows_and_not_where_nothing_is_taken_over(state: Ledger) -> None:
    state.document("other", "waits.pdf", None)
    scored(state, "a.pdf", "gone", reason="blob-gone", finished_at=LATER)
    assert remove(state).documents == 1
    state.document("invoice", "waits.pdf", None)
    scored(state, "b.pdf", "gone", reason="blob-gone", finished_at=LATER)
    assert remove(state).documents == 0
    assert remove(state, replace(ROW, on_rename="score")).documents == 1


def test_the_target_table_and_the_sinks_follow_in_the_same_transaction(state: Ledger) -> None:
    row = replace(ROW, target_table="invoices")
    found = state.document("invoice", "a.pdf", values=VALUES)
    sent = {"document_id": found, "sink": "jsonl", "state": "delivered", "item_id": "x", "queued_at": NOW}
    with state.database.begin() as connection:
        connection.execute(insert(delivery).values(**sent, delivered_at=NOW))
        shown = refresh(connection, "invoice", [FieldSpec("total")], ViewOptions("evolve", False))
        targets.prepare(connection, row, shown)
        assert connection.scalar(text("SELECT COUNT(*) FROM invoices")) == 1
        listings.mark_gone(connection, [found], NOW)
    assert remove(state, row).documents == 1
    with state.database.connect() as connection:
        assert connection.scalar(text("SELECT COUNT(*) FROM invoices")) == 0
        queued = connection.execute(select(delivery.c.state, delivery.c.item_id)).one()
    assert tuple(queued) == ("pending", "x")


def test_a_document_that_is_back_is_not_emptied(state: Ledger) -> None:
    back = scored(state, "a.pdf", "gone", reason="blob-gone")
    do(state, listings.renew, {back: Blob("a.pdf", "2", 11)})
    assert do(state, gone.remove_values, ROW, after=0, limit=9, now=LATER).documents == 0
    assert count(state, field_value) == 2
