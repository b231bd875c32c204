"""Values on every dialect: what is scored is what is stored, scored again or by two writers at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from datetime import time as clock
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, func, insert, select, text
from sqlalchemy.exc import DBAPIError

from pipeline.db import bulk, documents, listings
from pipeline.db.faults import cause_of
from pipeline.db.tables import document, field_value, form_type, model_version, part, run, table_cell
from pipeline.db.value_rows import VALUE_COLUMNS
from pipeline.types import (
    BacklogDocument,
    Blob,
    BlobRef,
    DocumentResult,
    ExtractedField,
    ScoredValue,
    Table,
    TableCell,
    TypedValue,
)

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
BOX = (0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0)


@dataclass
class Shelf:
    """A database with one form type and its documents."""

    database: Engine
    version: int = 0
    run: int = 0

    def add(self, *paths: str) -> list[int]:
        with self.database.begin() as connection:
            if not self.version:
                self._found(connection)
            for path in paths:
                ref = BlobRef("", "lake", path, "e")
                listings.add(
                    connection, "invoice", {documents.path_hash(ref): (ref, Blob(path, "e", 1))}, NOW
                )
            found = connection.execute(select(document.c.path, document.c.id))
            keys = {row.path: row.id for row in found}
        return [keys[path] for path in paths]

    def _found(self, connection: Connection) -> None:
        connection.execute(
            insert(form_type),
            {"form_type": "invoice", "training_container_name": "lake", "scoring_container_name": "lake"},
        )
        version = {
            "form_batch_group_id": "invoice", "version": 1, "engine": "local", "model_kind": "form",
            "fingerprint": "f", "state": "active", "created_at": NOW,
        }  # fmt: skip
        self.version = connection.execute(insert(model_version), version).inserted_primary_key[0]
        begun = {"started_at": NOW, "state": "running", "holder": "h"}
        self.run = connection.execute(insert(run), begun).inserted_primary_key[0]

    def finish(self, *results: DocumentResult) -> None:
        with self.database.begin() as connection:
            documents.finish(connection, results, model_version_id=self.version, run_id=self.run, now=NOW)

    def values(self, key: int, source: str = "model") -> dict[tuple[str, int], Any]:
        found = (
            select(field_value).join(part).where(part.c.document_id == key, field_value.c.source == source)
        )
        with self.database.connect() as connection:
            return {(row.field, row.occurrence): row for row in connection.execute(found)}


def value(field: str, raw: str = "x", typed: TypedValue | None = None, occurrence: int = 0) -> ScoredValue:
    found = ExtractedField(field, raw, 1, BOX, 0.9, occurrence=occurrence)
    return ScoredValue(found, typed or TypedValue(text=raw), False)


def result(
    key: int, *values: ScoredValue, outcome: Any = "loaded", tables: Sequence[Any] = ()
) -> DocumentResult:
    done = BacklogDocument(key, "invoice", BlobRef("", "lake", "a", "e"), 1)
    return DocumentResult(done, outcome, values=values, pages=1, tables=tuple(tables))


@pytest.fixture
def shelf(each_database: Engine) -> Shelf:
    return Shelf(each_database)


# --- what is stored -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        TypedValue(text="ein längerer Text — 請求書 😀 'quoted' \"double\" \\ back; -- %s :name ?"),
        TypedValue(text="x" * 8_000),
        TypedValue(text="ü" * 100_000),
        TypedValue(text="tab\tline\r\nend\x01"),
        TypedValue(text="\\N"),
        TypedValue(text=""),
        TypedValue(number=Decimal("0")),
        TypedValue(number=Decimal("-12345678901234567890.0123456789")),
        TypedValue(number=Decimal("0.1"), currency="EUR"),
        TypedValue(number=Decimal("1E+20")),
        TypedValue(date=date(1, 1, 1)),
        TypedValue(date=date(1752, 12, 31)),
        TypedValue(date=date(9999, 12, 31)),
        TypedValue(time=clock(23, 59, 59)),
        TypedValue(mark="selected"),
        TypedValue(),
    ],
    ids=lambda typed: str(typed)[:60],
)
def test_a_value_comes_back_as_it_was(shelf: Shelf, typed: TypedValue) -> None:
    [key] = shelf.add("a.pdf")
    shelf.finish(result(key, value("amount", "raw", typed)))
    row = shelf.values(key)["amount", 0]
    assert (
        row.value_text,
        row.value_number,
        row.value_date,
        row.value_time,
        row.value_mark,
        row.currency,
    ) == (
        typed.text,
        typed.number,
        typed.date,
        typed.time,
        typed.mark,
        typed.currency,
    )
    assert row.text == "raw"


def test_null_is_not_empty(shelf: Shelf) -> None:
    [key] = shelf.add("a.pdf")
    shelf.finish(result(key, value("empty", "", TypedValue(text="")), value("none", "", TypedValue())))
    with shelf.database.connect() as connection:
        nothing = connection.scalars(select(field_value.c.field).where(field_value.c.value_text.is_(None)))
        assert nothing.all() == ["none"]
        empty = connection.scalars(select(field_value.c.field).where(field_value.c.value_text == ""))
        assert empty.all() == ["empty"]


def test_what_no_database_holds_costs_one_character(shelf: Shelf) -> None:
    [key] = shelf.add("a.pdf")
    shelf.finish(result(key, value("a\x00b", "n\x00l \ud83d", TypedValue(text="n\x00l"))))
    assert {name: (row.text, row.value_text) for name, row in shelf.values(key).items()} == {
        ("a�b", 0): ("n�l �", "n�l")
    }


def test_a_number_that_does_not_fit_is_for_a_person(shelf: Shelf) -> None:
    [key] = shelf.add("a.pdf")
    numbers = {"long": "9" * 29, "fine": "0.123456789012", "wide": "9" * 28}
    shelf.finish(result(key, *(value(n, d, TypedValue(number=Decimal(d))) for n, d in numbers.items())))
    rows = shelf.values(key)
    assert rows["long", 0].value_number is None
    assert rows["long", 0].review
    assert rows["long", 0].text == "9" * 29
    assert rows["fine", 0].value_number == Decimal("0.1234567890")
    assert rows["wide", 0].value_number == Decimal("9" * 28)
    assert not rows["wide", 0].review


RESERVED = (
    "select",
    "order",
    "user",
    "Group",
    "table",
    "desc",
    "key",
    "index",
    "null",
    "Total",
    "total",
    "TOTAL",
)


def test_any_name_is_a_field(shelf: Shelf) -> None:
    names = (*RESERVED, "a b", "ümlaut", "請求書", "q'uote", "x" * 200, "y" * 300, "y" * 301, "items/Price")
    [key] = shelf.add("a.pdf")
    shelf.finish(result(key, *(value(name, name) for name in names)))
    rows = shelf.values(key)
    assert {row.text for row in rows.values()} == set(names)
    assert len(rows) == len(names)
    assert max(len(name) for name, _ in rows) == 200


def test_paths_that_differ_by_case_or_accent_are_two_documents(shelf: Shelf) -> None:
    paths = ["A.pdf", "a.pdf", "ä.pdf", "ae.pdf", "a.pdf ", "x" * 1024]
    keys = shelf.add(*paths)
    assert len(set(keys)) == len(paths)
    with shelf.database.connect() as connection:
        found = connection.scalars(select(document.c.id).where(document.c.path == "a.pdf")).all()
    assert found == [keys[1]]


def test_cells_of_tables_are_rows(shelf: Shelf) -> None:
    cells = (TableCell(0, 0, "Item", BOX, is_header=True), TableCell(1, 0, "no\x00l", BOX, confidence=0.5))
    again = (TableCell(0, 0, "first", BOX, row_span=2), TableCell(0, 0, "second claims its place", BOX))
    [key] = shelf.add("a.pdf")
    shelf.finish(result(key, value("a"), tables=[(1, Table(2, 1, cells)), (3, Table(1, 1, again))]))
    columns = table_cell.c
    wanted = select(
        columns.table_index,
        columns.row_index,
        columns.page,
        columns.text,
        columns.is_header,
        columns.row_span,
    ).order_by(columns.table_index, columns.row_index)
    with shelf.database.connect() as connection:
        rows = [tuple(row) for row in connection.execute(wanted)]
    assert rows == [
        (0, 0, 1, "Item", True, 1),
        (0, 1, 1, "no�l", False, 1),
        (1, 0, 3, "first", False, 2),
    ]
    shelf.finish(result(key, value("a")))
    with shelf.database.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(table_cell)) == 0


# --- scored again -------------------------------------------------------------------------------------


def test_scoring_again_replaces_what_the_model_said_and_nothing_else(shelf: Shelf) -> None:
    one, other = shelf.add("a.pdf", "b.pdf")
    shelf.finish(
        result(one, value("total", "1"), value("total", "2", occurrence=1), value("gone", "3")),
        result(other, value("total", "9")),
    )
    person = {**dict.fromkeys(VALUE_COLUMNS), "field": "total", "occurrence": 0, "source": "person"}
    person |= {"value_text": "7", "ambiguous": False, "review": False}
    with shelf.database.begin() as connection:
        mine = connection.scalar(select(part.c.id).where(part.c.document_id == one))
        connection.execute(insert(field_value), {**person, "part_id": mine})
    shelf.finish(result(one, value("total", "4"), value("new", "5")))
    assert {name: row.text for name, row in shelf.values(one).items()} == {("total", 0): "4", ("new", 0): "5"}
    assert {name: row.value_text for name, row in shelf.values(one, "person").items()} == {("total", 0): "7"}
    assert {name: row.text for name, row in shelf.values(other).items()} == {("total", 0): "9"}
    shelf.finish(result(one, outcome="dead"))
    assert shelf.values(one) == {}
    assert len(shelf.values(one, "person")) == 1


def test_a_transaction_that_ends_badly_leaves_the_old_values(shelf: Shelf) -> None:
    [key] = shelf.add("a.pdf")
    shelf.finish(result(key, value("total", "1")))
    twice = [value("total", "2"), value("total", "3", occurrence=1)]
    with pytest.raises(ZeroDivisionError), shelf.database.begin() as connection:
        documents.finish(
            connection, [result(key, *twice)], model_version_id=shelf.version, run_id=shelf.run, now=NOW
        )
        raise ZeroDivisionError
    assert {name: row.text for name, row in shelf.values(key).items()} == {("total", 0): "1"}


# --- the bulk upsert itself ---------------------------------------------------------------------------


def _rows(parts: Sequence[int], fields: int, said: str) -> list[tuple[object, ...]]:
    rest = (said, said, None, None, None, None, None, 1, None, 0.5, 0.5, False, False, None, None)
    return [(key, f"field {n}", 0, "model", *rest) for key in parts for n in range(fields)]


def _parts_of(shelf: Shelf, documents_: int) -> list[int]:
    keys = shelf.add(*(f"{n}.pdf" for n in range(documents_)))
    shelf.finish(*(result(key, outcome="partial") for key in keys))
    with shelf.database.connect() as connection:
        return list(connection.scalars(select(part.c.id).order_by(part.c.id)))


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_new_keys_are_inserted_and_known_ones_updated(shelf: Shelf, chunk: int) -> None:
    parts = _parts_of(shelf, 4)
    with shelf.database.begin() as connection:
        first = _rows(parts[:2], 5, "before")
        assert bulk.upsert(connection, field_value, VALUE_COLUMNS, iter(first), chunk=chunk) == 10
        assert (
            bulk.upsert(connection, field_value, VALUE_COLUMNS, _rows(parts, 5, "after"), chunk=chunk) == 20
        )
    with shelf.database.connect() as connection:
        assert dict(
            connection.execute(text("SELECT text, count(*) FROM field_value GROUP BY text")).all()
        ) == {"after": 20}


def test_rows_without_their_key_are_refused(shelf: Shelf) -> None:
    with pytest.raises(ValueError, match="part_id"), shelf.database.begin() as connection:
        bulk.upsert(connection, field_value, ("field", "text"), [("a", "b")])


def test_a_refused_row_is_an_error_of_sqlalchemy(shelf: Shelf) -> None:
    [key] = _parts_of(shelf, 1)
    wrong = [(key, "f", 0, "nobody", *_rows([key], 1, "x")[0][4:])]
    with pytest.raises(DBAPIError), shelf.database.begin() as connection:
        bulk.upsert(connection, field_value, VALUE_COLUMNS, wrong)
    with pytest.raises(DBAPIError) as caught, shelf.database.begin() as connection:
        bulk.upsert(connection, field_value, VALUE_COLUMNS, [(key, None, *_rows([key], 1, "canary")[0][2:])])
    assert "canary" not in f"{caught.value} {caught.value.orig} {cause_of(caught.value)}"


def test_an_error_does_not_repeat_the_row_that_was_refused(shelf: Shelf) -> None:
    [key] = _parts_of(shelf, 1)
    row = dict(zip(VALUE_COLUMNS, _rows([key], 1, "canary")[0], strict=True))
    with pytest.raises(DBAPIError) as caught, shelf.database.begin() as connection:
        connection.execute(insert(field_value), row | {"part_id": 10**6})
    assert "canary" not in f"{caught.value!r} {caught.value} {caught.value.orig}"


# --- two writers --------------------------------------------------------------------------------------


def _two_writers(shelf: Shelf, seconds: float) -> None:
    """Two writers upsert overlapping keys in opposite orders; the last commit of each key must stand."""
    parts = _parts_of(shelf, 12)
    rounds = [0, 0]
    errors: list[BaseException] = []
    ends = time.monotonic() + seconds

    def write(number: int) -> None:
        mine = parts[:8] if number == 0 else list(reversed(parts[4:]))
        try:
            while time.monotonic() < ends:
                rows = _rows(mine, 20, f"writer {number} round {rounds[number] + 1}")
                with shelf.database.begin() as connection:
                    bulk.upsert(connection, field_value, VALUE_COLUMNS, rows if number == 0 else rows[::-1])
                rounds[number] += 1
        except BaseException as error:
            errors.append(error)

    writers = [threading.Thread(target=write, args=(number,)) for number in (0, 1)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert errors == []
    assert min(rounds) >= 3
    said = {number: f"writer {number} round {rounds[number]}" for number in (0, 1)}
    by_part: dict[int, list[str]] = {}
    with shelf.database.connect() as connection:
        for key, found in connection.execute(select(field_value.c.part_id, field_value.c.text)):
            by_part.setdefault(key, []).append(found)
    assert all(len(found) == 20 for found in by_part.values()), "lost or doubled"
    assert all(set(by_part[key]) == {said[0]} for key in parts[:4])
    assert all(set(by_part[key]) == {said[1]} for key in parts[8:])
    both = {text_ for key in parts[4:8] for text_ in by_part[key]}
    assert len(both) == 1, "a transaction was torn"
    assert both <= set(said.values()), "an update was lost"


def test_two_writers_of_the_same_keys_neither_block_nor_lose(shelf: Shelf) -> None:
    _two_writers(shelf, 5)


@pytest.mark.long
def test_two_writers_for_a_minute(shelf: Shelf) -> None:
    _two_writers(shelf, 60)
