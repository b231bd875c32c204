"""Values that are taken over from a document whose blob is gone, on every dialect."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, insert, select, update

from pipeline.db import documents, listings, reuse, runs
from pipeline.db.tables import document, field_value, model_version, part, table_cell
from pipeline.types import Blob, BlobRef
from tests.unit.conftest import Ledger

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(seconds=60)


@pytest.fixture
def state(each_database: Engine, tmp_path: Path) -> Ledger:
    ledger = Ledger(each_database, tmp_path)
    ledger.form_type("invoice")
    return ledger


@pytest.fixture
def pair(state: Ledger) -> tuple[int, int]:
    """A gone document of two parts with values of a model and of a person, and a new one."""
    refs = {}
    for name in ("old", "new"):
        ref = BlobRef("", "lake", name, "1")
        refs[documents.path_hash(ref)] = (ref, Blob(name, "1", 1))
    with state.database.begin() as connection:
        listings.add(connection, "invoice", refs, NOW)
        keys = {row.path: row.id for row in connection.execute(select(document))}
        version = connection.execute(
            insert(model_version).values(
                form_batch_group_id="invoice", version=1, engine="local", model_kind="form",
                fingerprint="f", state="retired", created_at=NOW,
            )
        ).inserted_primary_key  # fmt: skip
        assert version is not None
        run_id = runs.start(connection, holder="me", now=NOW)
        connection.execute(
            update(document)
            .where(document.c.id == keys["old"])
            .values(
                stage="done", outcome="gone", content_hash="h", pages=3, finished_at=NOW, run_id=run_id,
                model_version_id=version[0],
            )
        )  # fmt: skip
        for number in (1, 2):
            made = connection.execute(
                insert(part).values(
                    document_id=keys["old"], number=number, first_page=number, last_page=number, doc_type="t"
                )
            ).inserted_primary_key
            assert made is not None
            for source, text in (("model", f"m{number}"), ("person", f"p{number}")):
                row = {"part_id": made[0], "field": "total", "source": source, "text": text}
                connection.execute(insert(field_value).values(row))
            place = {"table_index": 0, "row_index": 0, "column_index": 0, "page": number, "text": "c"}
            connection.execute(insert(table_cell).values(part_id=made[0], **place))
    return keys["old"], keys["new"]


def version_of(state: Ledger) -> int:
    with state.database.begin() as connection:
        return int(connection.scalar(select(model_version.c.id)) or 0)


def stored(state: Ledger, key: int) -> list[tuple[object, ...]]:
    query = (
        select(part.c.number, part.c.doc_type, field_value.c.source, field_value.c.text)
        .join(field_value, field_value.c.part_id == part.c.id)
        .where(part.c.document_id == key)
        .order_by(part.c.number, field_value.c.source)
    )
    with state.database.begin() as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_all_that_hangs_on_a_document_goes_over_and_stays(state: Ledger, pair: tuple[int, int]) -> None:
    old, new = pair
    before = stored(state, old)
    for _ in range(2):
        with state.database.begin() as connection:
            reuse.take_over(connection, old, new)
        assert stored(state, new) == stored(state, old) == before
    with state.database.begin() as connection:
        assert len(connection.execute(select(table_cell)).all()) == 4


def test_what_stood_there_makes_room(state: Ledger, pair: tuple[int, int]) -> None:
    old, new = pair
    with state.database.begin() as connection:
        for number in (1, 7):
            made = connection.execute(
                insert(part).values(document_id=new, number=number, first_page=1, last_page=1)
            ).inserted_primary_key
            assert made is not None
            for field, source in (("total", "model"), ("total", "person"), ("note", "person")):
                connection.execute(
                    insert(field_value).values(part_id=made[0], field=field, source=source, text="own")
                )
        reuse.take_over(connection, old, new)
    assert stored(state, new) == sorted([*stored(state, old), (1, "t", "person", "own")], key=str)


def test_it_is_found_by_content_and_model(state: Ledger, pair: tuple[int, int]) -> None:
    old, new = pair
    version = version_of(state)
    with state.database.begin() as connection:
        found = reuse.find(connection, new, "invoice", "h", version)
        assert found is not None
        assert (found.id, found.pages, dict(found.certain)) == (old, 3, {"total": True})
        assert reuse.find(connection, new, "invoice", "other", version) is None
        assert reuse.find(connection, new, "invoice", "h", version + 1) is None
        assert reuse.find(connection, new, "receipt", "h", version) is None
        assert reuse.find(connection, old, "invoice", "h", version) is None
        assert reuse.still_there(connection, [old, new]) == {old: "h"}


def test_one_that_was_read_since_is_read_again(state: Ledger, pair: tuple[int, int]) -> None:
    _, new = pair
    version = version_of(state)
    with state.database.begin() as connection:
        own = update(document).where(document.c.id == new)
        connection.execute(own.values(content_hash="h", finished_at=LATER))
        assert reuse.find(connection, new, "invoice", "h", version) is None
        connection.execute(own.values(finished_at=NOW - timedelta(seconds=60)))
        assert reuse.find(connection, new, "invoice", "h", version) is not None


def test_what_is_emptied_or_back_is_not_taken(state: Ledger, pair: tuple[int, int]) -> None:
    old, new = pair
    with state.database.begin() as connection:
        connection.execute(delete(part).where(part.c.document_id == old))
        assert reuse.find(connection, new, "invoice", "h", 1) is None
        assert reuse.still_there(connection, [old]) == {}


def test_corrections_go_along_where_nothing_was_said(state: Ledger, pair: tuple[int, int]) -> None:
    _, new = pair
    with state.database.begin() as connection:
        made = connection.execute(
            insert(part).values(document_id=new, number=1, first_page=1, last_page=3)
        ).inserted_primary_key
        assert made is not None
    for _ in range(2):
        with state.database.begin() as connection:
            reuse.carry_corrections(connection, "invoice", {new: "h"})
        assert stored(state, new) == [(1, None, "person", "p1")]
