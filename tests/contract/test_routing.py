"""Documents that a router hands on to form types, on every dialect."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select, update

from pipeline.db import claims, forgetting, listings, routing, text_labels
from pipeline.db.documents import path_hash
from pipeline.db.forgetting import Criterion
from pipeline.db.routing import Leg
from pipeline.db.tables import delivery, document, field_value, part, run
from pipeline.db.text_labels import TextLabel
from pipeline.types import BacklogDocument, Blob, BlobRef
from tests.unit.conftest import Ledger

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(seconds=60)


@pytest.fixture
def state(each_database: Engine, tmp_path: Path) -> Ledger:
    ledger = Ledger(each_database, tmp_path)
    for name in ("invoice", "receipt"):
        ledger.form_type(name)
    ledger.form_type("mail", model_kind="classes", routes=True)
    return ledger


def listed(state: Ledger, *names: str) -> list[BacklogDocument]:
    """Documents of the router."""
    refs = {}
    for name in names:
        ref = BlobRef("", "lake", name, "1")
        refs[path_hash(ref)] = (ref, Blob(name, "1", 7))
    with state.database.begin() as connection:
        listings.add(connection, "mail", refs, NOW)
        query = select(document).where(document.c.form_type == "mail").order_by(document.c.id)
        return [
            BacklogDocument(row.id, "mail", BlobRef(row.account, row.container, row.path, row.etag), row.size)
            for row in connection.execute(query)
        ]


def hand_on(state: Ledger, legs: dict[BacklogDocument, list[Leg]], now: datetime = NOW) -> int:
    with state.database.begin() as connection:
        return routing.hand_on(connection, legs, now)


def standing(state: Ledger) -> list[tuple[Any, ...]]:
    """Form type, path, pages, stage and outcome of what was handed on."""
    columns = ("form_type", "path", "first_page", "last_page", "stage", "outcome")
    query = select(*(document.c[name] for name in columns)).where(document.c.routed_from.is_not(None))
    with state.database.begin() as connection:
        return [tuple(row) for row in connection.execute(query.order_by(document.c.id))]


def score(state: Ledger, form_type: str) -> int:
    """The id of the one document of the form type, with a part, a value, and an item in a sink."""
    with state.database.begin() as connection:
        mine = document.c.form_type == form_type
        key = connection.scalars(select(document.c.id).where(mine)).one()
        connection.execute(
            update(document).where(mine).values(stage="done", outcome="loaded", finished_at=NOW)
        )
        made = connection.execute(insert(part).values(document_id=key, number=1, first_page=1, last_page=1))
        assert made.inserted_primary_key is not None
        value = {"part_id": made.inserted_primary_key[0], "field": "total", "text": "1"}
        connection.execute(insert(field_value).values(value))
        sent = {"document_id": key, "sink": "jsonl", "state": "delivered", "item_id": "x", "queued_at": NOW}
        connection.execute(insert(delivery).values(sent))
        return key


def test_a_document_is_handed_on_once_with_its_blob(state: Ledger) -> None:
    (source,) = listed(state, "a.pdf")
    for _ in range(2):
        assert hand_on(state, {source: [Leg("invoice")]}) == 1
    with state.database.begin() as connection:
        (row,) = connection.execute(select(document).where(document.c.form_type == "invoice")).all()
        (found,) = routing.routed_from(connection, [source.id])
    assert (row.container, row.path, row.etag, row.size) == ("lake", "a.pdf", "1", 7)
    assert (row.stage, row.routed_from, row.first_seen_at) == ("pending", source.id, NOW)
    assert (found.id, found.form_type, found.pages) == (row.id, "invoice", None)


def test_what_a_run_scored_meanwhile_is_left_alone_when_it_is_done_again(state: Ledger) -> None:
    (source,) = listed(state, "a.pdf")
    hand_on(state, {source: [Leg("invoice")]})
    score(state, "invoice")
    hand_on(state, {source: [Leg("invoice")]}, LATER)
    assert standing(state) == [("invoice", "a.pdf", None, None, "done", "loaded")]


def test_parts_of_one_blob_are_documents_of_their_own(state: Ledger) -> None:
    (source,) = listed(state, "a.pdf")
    legs = [Leg("invoice", (1, 2)), Leg("receipt", (3, 3)), Leg("invoice", (4, 4))]
    assert hand_on(state, {source: legs}) == 3
    assert [row[:4] for row in standing(state)] == [
        ("invoice", "a.pdf", 1, 2),
        ("receipt", "a.pdf", 3, 3),
        ("invoice", "a.pdf", 4, 4),
    ]
    run_id = state.insert(run, started_at=NOW, state="running", holder="h")
    with state.database.begin() as connection:
        claimed = claims.claim(connection, "invoice", run_id, stage="pending", after=0, limit=9, now=NOW)
    assert [(each.pages, each.routed_from) for each in claimed] == [((1, 2), source.id), ((4, 4), source.id)]


def test_one_that_is_routed_elsewhere_leaves_with_its_values(state: Ledger) -> None:
    (source,) = listed(state, "a.pdf")
    hand_on(state, {source: [Leg("invoice")]})
    key = score(state, "invoice")
    hand_on(state, {source: [Leg("receipt")]}, LATER)
    assert [(row[0], row[4], row[5]) for row in standing(state)] == [
        ("invoice", "done", "gone"),
        ("receipt", "pending", None),
    ]
    with state.database.begin() as connection:
        assert connection.scalars(select(field_value.c.text)).all() == []
        (sent,) = connection.execute(select(delivery)).all()
        reason = connection.scalar(select(document.c.reason).where(document.c.id == key))
    assert (sent.state, sent.queued_at, reason) == ("pending", LATER, routing.ELSEWHERE)
    hand_on(state, {source: [Leg("invoice")]}, LATER)
    assert [(row[0], row[4], row[5]) for row in standing(state)] == [
        ("invoice", "pending", None),
        ("receipt", "done", "gone"),
    ]


def test_one_that_nobody_is_sure_of_any_more_leaves(state: Ledger) -> None:
    (source,) = listed(state, "a.pdf")
    hand_on(state, {source: [Leg("invoice")]})
    assert hand_on(state, {source: []}) == 0
    assert [(row[4], row[5]) for row in standing(state)] == [("done", "gone")]


def test_a_changed_blob_is_scored_again_where_it_was(state: Ledger) -> None:
    (source,) = listed(state, "a.pdf")
    hand_on(state, {source: [Leg("invoice")]})
    score(state, "invoice")
    changed = replace(source, ref=replace(source.ref, etag="2"), size=9)
    hand_on(state, {changed: [Leg("invoice")]}, LATER)
    with state.database.begin() as connection:
        row = connection.execute(select(document).where(document.c.form_type == "invoice")).one()
    assert (row.stage, row.outcome, row.etag, row.size) == ("pending", None, "2", 9)


def test_what_the_form_type_lists_itself_stays_its_own(state: Ledger) -> None:
    (source,) = listed(state, "a.pdf")
    with state.database.begin() as connection:
        ref = replace(source.ref)
        listings.add(connection, "invoice", {path_hash(ref): (ref, Blob(ref.path, "1", 7))}, NOW)
    hand_on(state, {source: [Leg("invoice")]})
    assert standing(state) == []
    with state.database.begin() as connection:
        assert listings.count(connection, "invoice", 99) == 1


def test_a_forgotten_one_is_not_made_again_before_it_changes(state: Ledger) -> None:
    (source,) = listed(state, "a.pdf")
    hand_on(state, {source: [Leg("invoice")]})
    with state.database.begin() as connection:
        (found,) = routing.routed_from(connection, [source.id])
        criterion = Criterion("invoice", "one document", document_id=found.id)
        forgetting.forget(connection, criterion, [found.id], None, NOW)
    assert hand_on(state, {source: [Leg("invoice")]}) == 0
    assert standing(state) == []
    changed = replace(source, ref=replace(source.ref, etag="2"))
    assert hand_on(state, {changed: [Leg("invoice")]}) == 1
    assert [row[0] for row in standing(state)] == ["invoice"]


def test_the_blob_of_a_router_takes_what_was_handed_on_with_it(state: Ledger) -> None:
    source, other = listed(state, "a.pdf", "b.pdf")
    hand_on(state, {source: [Leg("invoice")], other: [Leg("invoice")]})
    with state.database.begin() as connection:
        routing.follow_gone(connection, [source.id], LATER, "blob-gone")
        reasons = connection.scalars(select(document.c.reason).where(document.c.outcome == "gone")).all()
        assert [each.routed_from for each in routing.routed_from(connection, [source.id, other.id])] == [
            other.id
        ]
    assert reasons == ["blob-gone"]
    assert [row[5] for row in standing(state)] == ["gone", None]
    hand_on(state, {source: [Leg("invoice")]}, LATER)
    assert [row[5] for row in standing(state)] == [None, None]


def test_the_listing_of_a_form_type_does_not_know_what_was_handed_on(state: Ledger) -> None:
    (source,) = listed(state, "a.pdf")
    hand_on(state, {source: [Leg("invoice")]})
    assert list(listings.ids_of(state.database, "invoice", 99)) == []
    assert list(listings.ids_of(state.database, "mail", 99)) == [source.id]


def test_a_document_has_one_label_and_pages_have_theirs(state: Ledger) -> None:
    ref = BlobRef("", "lake", "a.pdf", "1")
    said = [
        TextLabel(ref, "invoice"),
        TextLabel(replace(ref, etag="2"), "receipt"),
        TextLabel(ref, "invoice", (1, 2)),
        TextLabel(ref, "receipt", (3, 3)),
        TextLabel(ref, "invoice", (2, 2)),
    ]
    kept = []
    for label in said:
        for _ in range(2):
            with state.database.begin() as connection:
                text_labels.remember(connection, "mail", label, by="me", now=NOW)
        with state.database.begin() as connection:
            kept.append(sorted(text_labels.of_router(connection, "mail"), key=lambda each: each.pages or ()))
            assert text_labels.of_router(connection, "invoice") == []
    assert kept == [said[:1], said[1:2], said[2:3], said[2:4], [said[4], said[3]]]
