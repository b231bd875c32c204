"""What goes of documents that are forgotten, what stays, and what later listings are told of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlfluff
from sqlalchemy import Engine, event, func, insert, select, update
from sqlalchemy.dialects import mssql

from pipeline.db import forgetting, operations, tables
from pipeline.db.connection import reading
from pipeline.db.documents import path_hash
from pipeline.db.forgetting import Criterion, Footprint
from pipeline.types import BlobRef

if TYPE_CHECKING:
    from tests.unit.conftest import Ledger

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LATER = START + timedelta(days=400)
VALUES = [{"field": "No"}, {"field": "Total"}, {"field": "Total", "source": "person"}]
TABLES = (tables.document, tables.part, tables.field_value, tables.table_cell, tables.delivery)


@pytest.fixture
def filed(each_database: Engine, tmp_path: Path, make_ledger: Callable[..., Ledger]) -> Ledger:
    """Two form types with two documents each, and all that can hang on a document."""
    ledger = make_ledger(each_database, tmp_path)
    for name in ("bills", "forms"):
        ledger.form_type(name)
        for number in range(2):
            key = ledger.document(name, f"Canary {number}.pdf", values=VALUES, pages=2, message="Canary")
            part = ledger.part(key, [{"field": "No"}], number=2)
            cell = {"part_id": part, "table_index": 0, "page": 1, "text": "Canary"}
            ledger.insert(tables.table_cell, **cell, row_index=0, column_index=0)
            ledger.insert(tables.delivery, document_id=key, sink="jsonl", item_id=f"i{key}", queued_at=START)
    return ledger


def counts(ledger: Ledger, name: str) -> list[int]:
    """Rows of each table that belong to a form type."""
    parts = select(tables.part.c.id).join(tables.document).where(tables.document.c.form_type == name)
    mine = select(tables.document.c.id).where(tables.document.c.form_type == name)
    chosen = (
        tables.document.c.id.in_(mine),
        tables.part.c.document_id.in_(mine),
        tables.field_value.c.part_id.in_(parts),
        tables.table_cell.c.part_id.in_(parts),
        tables.delivery.c.document_id.in_(mine),
    )
    with reading(ledger.database) as connection:
        return [
            connection.scalar(select(func.count()).select_from(table).where(which)) or 0
            for table, which in zip(TABLES, chosen, strict=True)
        ]


def ids(ledger: Ledger, name: str) -> list[int]:
    query = select(tables.document.c.id).where(tables.document.c.form_type == name)
    with reading(ledger.database) as connection:
        return list(connection.scalars(query.order_by(tables.document.c.id)))


def rows(ledger: Ledger, table: Any) -> list[Any]:
    with reading(ledger.database) as connection:
        return list(connection.execute(select(table)))


def forget(ledger: Ledger, criterion: Criterion) -> Footprint:
    with ledger.database.begin() as connection:
        doomed = [each.id for each in forgetting.next_doomed(connection, criterion, 100)]
        return forgetting.forget(connection, criterion, doomed, None, LATER)


def test_everything_of_a_document_goes_and_its_counts_stay(filed: Ledger) -> None:
    first, second = ids(filed, "bills")
    others = counts(filed, "forms")
    criterion = Criterion("bills", "one document", document_id=first)
    with reading(filed.database) as connection:
        chosen = forgetting.footprint(connection, criterion)
    assert chosen == Footprint(documents=1, read=1, pages=2, values=4, cells=1, deliveries=1)
    assert forget(filed, criterion) == chosen
    assert ids(filed, "bills") == [second]
    assert counts(filed, "bills") == [1, 2, 4, 1, 1]
    assert counts(filed, "forms") == others
    (left,) = rows(filed, tables.forgotten)
    assert (left.form_type, left.outcome, left.pages, left.field_values) == ("bills", "loaded", 2, 4)
    assert left.path_hash == path_hash(BlobRef("", "lake", "bills/in/Canary 0.pdf"))
    assert left.forgotten_at == LATER


def test_the_event_has_the_counts_and_names_no_document(filed: Ledger) -> None:
    forget(filed, Criterion("bills", "all"))
    (told,) = rows(filed, tables.event)
    assert (told.name, told.form_type, told.document_id) == (forgetting.EVENT, "bills", None)
    assert json.loads(told.details) == {
        "criterion": "all", "documents": 2, "read": 2, "pages": 4, "values": 8, "cells": 2, "deliveries": 2,
    }  # fmt: skip


def test_age_counts_from_the_end_of_a_document_or_from_when_it_was_seen(filed: Ledger) -> None:
    filed.document("bills", "new.pdf", finished_at=START + timedelta(days=9))
    filed.document("bills", "waits.pdf", None)
    filed.document("bills", "waits since today.pdf", None, first_seen_at=START + timedelta(days=9))
    criterion = Criterion("bills", "older than 1d", before=START + timedelta(days=1))
    assert forget(filed, criterion).documents == 3
    left = {row.path for row in rows(filed, tables.document) if row.form_type == "bills"}
    assert left == {"bills/in/new.pdf", "bills/in/waits since today.pdf"}
    with reading(filed.database) as connection:
        assert forgetting.counts(connection) == {"bills": 3}


def test_an_age_does_not_take_the_document_that_ended_at_that_moment(filed: Ledger) -> None:
    criterion = Criterion("bills", "older", before=START + timedelta(seconds=10))
    assert forget(filed, criterion).documents == 0


def test_a_document_of_another_form_type_is_not_taken_by_its_id(filed: Ledger) -> None:
    (first, _) = ids(filed, "forms")
    with filed.database.begin() as connection:
        done = forgetting.forget(connection, Criterion("bills", "all"), [first], None, LATER)
    assert (done, rows(filed, tables.event)) == (Footprint(), [])
    assert first in ids(filed, "forms")


def test_a_document_that_is_forgotten_twice_has_the_later_tombstone(filed: Ledger) -> None:
    filed.document("bills", "again.pdf", etag="old")
    forget(filed, Criterion("bills", "all"))
    key = path_hash(BlobRef("", "lake", "bills/in/again.pdf"))
    filed.document("bills", "again.pdf", "partial", etag="new", pages=7)
    forget(filed, Criterion("bills", "all"))
    (left,) = [row for row in rows(filed, tables.forgotten) if row.path_hash == key]
    assert (left.etag, left.outcome, left.pages, left.field_values) == ("new", "partial", 7, 0)


def test_more_documents_than_a_statement_names_at_once(filed: Ledger) -> None:
    values = {"form_type": "bills", "container": "lake", "etag": "e", "size": 1, "first_seen_at": START}
    with filed.database.begin() as connection:
        connection.execute(
            insert(tables.document),
            [values | {"path": f"{n}", "path_hash": f"{n:064x}"} for n in range(1201)],
        )
        criterion = Criterion("bills", "all")
        doomed = [each.id for each in forgetting.next_doomed(connection, criterion, 5000)]
        done = forgetting.forget(connection, criterion, doomed, None, LATER)
        hashes = [f"{n:064x}" for n in range(1201)]
        assert forgetting.etags(connection, "bills", hashes) == dict.fromkeys(hashes, "e")
        assert forgetting.etags(connection, "forms", hashes) == {}
        forgetting.exhume(connection, "bills", hashes[1:])
        assert forgetting.counts(connection) == {"bills": 3}
    assert (done.documents, done.values, ids(filed, "bills")) == (1203, 8, [])


def test_what_a_service_was_asked_is_not_found_again(filed: Ledger) -> None:
    """An operation that others share goes on; of one that is nobody's, the address goes."""
    first, second = ids(filed, "bills")
    with filed.database.begin() as connection:
        connection.execute(update(tables.document).values(stage="pending", outcome=None))
        alone, shared = (
            operations.intend(
                connection,
                operations.Intent("analyze", "bills", "me", LATER, subject="Canary", documents=documents),
                START,
            )
            for documents in ((first,), (second, *ids(filed, "forms")))
        )
        for key in (alone, shared):
            operations.submitted(connection, key, f"https://service/{key}", START)
    forget(filed, Criterion("bills", "all"))
    told = {row.id: row for row in rows(filed, tables.operation)}
    assert (told[alone].url, told[alone].subject) == ("", "")
    assert (told[alone].state, told[alone].reason) == ("finished", "forgotten")
    assert (told[shared].url, told[shared].state) == (f"https://service/{shared}", "submitted")
    with reading(filed.database) as connection:
        assert operations.of_documents(connection, ids(filed, "forms")).keys() == set(ids(filed, "forms"))


def named(ledger: Ledger, name: str, form_type: str | None = None) -> list[tuple[str, str]]:
    with reading(ledger.database) as connection:
        found = forgetting.named(connection, name, form_type, 5)
    return [(each.form_type, each.path) for each in found]


def test_a_document_is_named_by_its_path_the_end_of_it_or_its_id(filed: Ledger) -> None:
    path = "bills/in/Canary 0.pdf"
    assert named(filed, path) == [("bills", path)]
    assert named(filed, "in/Canary 0.pdf", "bills") == [("bills", path)]
    assert named(filed, str(ids(filed, "bills")[0])) == [("bills", path)]
    assert named(filed, path, "forms") == []
    assert named(filed, "Canary 0.pdf") == [("bills", path), ("forms", "forms/in/Canary 0.pdf")]
    for nobody in ("canary 0.pdf", "0.pdf", "Canary%", "Canary _.pdf", "9" * 40, "", "²"):
        assert named(filed, nobody) == [], nobody


def test_a_path_that_is_a_number_and_an_id_mean_two_documents(filed: Ledger) -> None:
    key = ids(filed, "forms")[0]
    filed.document("bills", "x.pdf", path=str(key))
    assert sorted(named(filed, str(key))) == [("bills", str(key)), ("forms", "forms/in/Canary 0.pdf")]


def test_the_whole_path_wins_over_the_end_of_another(filed: Ledger) -> None:
    filed.document("bills", "sub.pdf", path="deep/bills/in/Canary 0.pdf")
    assert named(filed, "bills/in/Canary 0.pdf") == [("bills", "bills/in/Canary 0.pdf")]


@pytest.fixture
def heard(filed: Ledger) -> Iterator[list[Any]]:
    """The statements, as SQLAlchemy has them before it writes them down."""
    statements: list[Any] = []

    def hear(_connection: Any, clause: Any, *_: Any) -> None:
        statements.append(clause)

    event.listen(filed.database, "before_execute", hear)
    yield statements
    event.remove(filed.database, "before_execute", hear)


def test_every_statement_is_one_that_sql_server_reads(filed: Ledger, heard: list[Any]) -> None:
    criterion = Criterion("bills", "older than 1d", before=LATER)
    with filed.database.begin() as connection:
        forgetting.footprint(connection, criterion)
        forgetting.named(connection, "a_b.pdf", "bills", 5)
        forgetting.exhume(connection, "bills", ["a"])
        forgetting.etags(connection, "bills", ["a"])
        forgetting.counts(connection)
    forget(filed, criterion)
    assert len(heard) > 20
    for statement in heard:
        made = statement.compile(dialect=mssql.dialect(), compile_kwargs={"render_postcompile": True})
        assert "LIMIT" not in str(made)
        sqlfluff.parse(re.sub(r":(\w+)", r"@\1", str(made)) + ";", dialect="tsql")


def test_the_end_of_a_path_is_taken_as_it_stands(filed: Ledger) -> None:
    key = filed.document("bills", "sub/50% [1]_~a.pdf", values=[])
    filed.document("bills", "sub/50x 1xxa.pdf", values=[])
    with reading(filed.database) as connection:
        found = forgetting.named(connection, "50% [1]_~a.pdf", "bills", 10)
    assert [each.id for each in found] == [key]


def test_a_bracket_is_no_set_of_characters_to_sql_server() -> None:
    heard: list[str] = []

    class Listening:
        def execute(self, statement: Any) -> list[Any]:
            options = {"literal_binds": True}
            heard.append(str(statement.compile(dialect=mssql.dialect(), compile_kwargs=options)))  # type: ignore[no-untyped-call]
            return []

    connection: Any = Listening()
    forgetting.named(connection, "a[1].pdf", None, 10)
    assert "LIKE N'%/a~[1].pdf' ESCAPE '~'" in heard[-1]
