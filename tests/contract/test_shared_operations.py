"""One operation that many documents hang on is open until the last of them is written, on every dialect."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update

from pipeline.db import documents, listings, operations
from pipeline.db.operations import PIECE, Intent
from pipeline.db.tables import document, operation
from pipeline.types import Blob, BlobRef
from tests.unit.conftest import Ledger

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
_DONE = {"stage": "done", "outcome": "loaded", "finished_at": NOW}


@pytest.fixture
def state(each_database: Engine, tmp_path: Path) -> Ledger:
    ledger = Ledger(each_database, tmp_path)
    ledger.form_type("invoice")
    return ledger


def sent(state: Ledger, count: int, subject: str = "") -> tuple[int, list[int]]:
    """An operation about so many new documents, which a service has."""
    blobs = [BlobRef("", "lake", f"b/{number}", "1") for number in range(count)]
    refs = {documents.path_hash(ref): (ref, Blob(ref.path, "1", 1)) for ref in blobs}
    with state.database.begin() as connection:
        listings.add(connection, "invoice", refs, NOW)
        ids = sorted(each.id for each in listings.find(connection, "invoice", list(refs)).values())
        intent = Intent("analyze", "invoice", "h:1:1:x", NOW + HOUR, subject=subject, documents=tuple(ids))
        key = operations.intend(connection, intent, NOW)
        operations.submitted(connection, key, "https://service/jobs/1", NOW)
    return key, ids


def written(state: Ledger, ids: list[int]) -> None:
    with state.database.begin() as connection:
        connection.execute(update(document).where(document.c.id.in_(ids)).values(_DONE))
        operations.finish_of_documents(connection, ids, NOW)


def state_of(state: Ledger, key: int) -> str | None:
    with state.database.connect() as connection:
        return connection.scalar(select(operation.c.state).where(operation.c.id == key))


def test_it_is_open_until_the_last_document_is_written(state: Ledger) -> None:
    key, ids = sent(state, 3)
    written(state, ids[:2])
    assert state_of(state, key) == "submitted"
    with state.database.connect() as connection:
        assert list(operations.of_documents(connection, ids)) == ids[2:]
    written(state, ids[2:])
    assert state_of(state, key) == "finished"


def test_a_document_that_is_tried_again_otherwise_does_not_keep_it_open(state: Ledger) -> None:
    key, ids = sent(state, 2)
    with state.database.begin() as connection:
        connection.execute(update(document).where(document.c.id == ids[0]).values(stage="pending"))
    written(state, ids[1:])
    assert state_of(state, key) == "finished"


def test_one_about_a_piece_is_kept_until_its_time_is_over(state: Ledger) -> None:
    key, _ = sent(state, 0, f"{PIECE}1 of 2 abc")
    for now, expected in ((NOW, "submitted"), (NOW + 2 * HOUR, "finished")):
        with state.database.begin() as connection:
            operations.forget_unwanted(connection, "invoice", now)
        assert state_of(state, key) == expected
