"""Statements that take documents out of the database and leave a tombstone for each: its outcome and its
counts, under the hash of its path. Each function works inside the caller's transaction."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Select,
    and_,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)

from pipeline.db import runs, targets
from pipeline.db.columns import UtcDateTime
from pipeline.db.tables import (
    delivery,
    document,
    field_value,
    forgotten,
    operation,
    operation_document,
    part,
    table_cell,
)

EVENT = "documents-forgotten"
_IN_LIST = 500

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Criterion:
    """Which documents of a form type: one by its id, those that ended (or were first seen, where they have
    not ended) before a time, or all where both are None. `said` names it without naming a document."""

    form_type: str
    said: str
    document_id: int | None = None
    before: datetime | None = None

    def chosen(self) -> list[ColumnElement[bool]]:
        found = [document.c.form_type == self.form_type]
        if self.document_id is not None:
            found.append(document.c.id == self.document_id)
        if self.before is not None:
            found.append(func.coalesce(document.c.finished_at, document.c.first_seen_at) < self.before)
        return found


@dataclass(frozen=True, slots=True)
class Footprint:
    """What documents have in the database, in numbers. `read`: those that were read once, and can have an
    output file; `values` are of models and of persons; `deliveries` are items of sinks beside SQL."""

    documents: int = 0
    read: int = 0
    pages: int = 0
    values: int = 0
    cells: int = 0
    deliveries: int = 0

    def __add__(self, other: Footprint) -> Footprint:
        mine, theirs = asdict(self), asdict(other)
        return Footprint(**{name: mine[name] + theirs[name] for name in mine})


@dataclass(frozen=True, slots=True)
class Named:
    """A document that somebody named."""

    id: int
    form_type: str
    path: str


@dataclass(frozen=True, slots=True)
class Doomed:
    """A document that is to go, and where its output file is looked for. `pages`: those of its blob that it
    is, None for all; `routed`: a router handed it on."""

    id: int
    container: str
    path: str
    pages: tuple[int, int] | None = None
    routed: bool = False


def named(connection: Connection, name: str, form_type: str | None, limit: int) -> list[Named]:
    """The documents that `name` can mean: those with this path or this id; where there is none, those whose
    path ends so, after a slash."""
    exact: list[ColumnElement[bool]] = [document.c.path == name]
    if name.isascii() and name.isdecimal() and len(name) < 19:
        exact.append(document.c.id == int(name))
    found = {each.id: each for which in exact for each in _named(connection, which, form_type)}
    if not found:
        ends = document.c.path.like(f"%/{_literal(name)}", escape="~")
        same = (each for each in _named(connection, ends, form_type) if each.path.endswith(f"/{name}"))
        found = {each.id: each for each in islice(same, limit)}
    return list(found.values())[:limit]


def _literal(name: str) -> str:
    """For a LIKE that escapes by `~`. To SQL Server a bracket begins a set of characters."""
    return re.sub(r"[~%_\[]", r"~\g<0>", name)


def _named(connection: Connection, which: ColumnElement[bool], form_type: str | None) -> Iterator[Named]:
    query = select(document.c.id, document.c.form_type, document.c.path).where(which).order_by(document.c.id)
    if form_type is not None:
        query = query.where(document.c.form_type == form_type)
    return (Named(*row) for row in connection.execute(query))


def footprint(connection: Connection, criterion: Criterion) -> Footprint:
    """How much would go."""
    return _footprint(connection, criterion.chosen())


def next_doomed(connection: Connection, criterion: Criterion, limit: int) -> list[Doomed]:
    """Some of the documents that are to go, in the order they were seen."""
    query = (
        select(*(document.c[name] for name in _DOOMED))
        .where(*criterion.chosen())
        .order_by(document.c.id)
        .limit(limit)
    )
    return [_doomed(row) for row in connection.execute(query)]


_DOOMED = ("id", "container", "path", "first_page", "last_page", "routed_from")


def _doomed(row: Row[Any]) -> Doomed:
    pages = None if row.first_page is None else (row.first_page, row.last_page)
    return Doomed(row.id, row.container, row.path, pages, row.routed_from is not None)


def forget(
    connection: Connection,
    criterion: Criterion,
    document_ids: Sequence[int],
    target_table: str | None,
    now: datetime,
) -> Footprint:
    """Delete documents of the criterion's form type, with all that hangs on them; tombstones and an event
    with the counts stay. Done again, it finds nothing to do. Raises RowError (`target-table-refused`)."""
    done = Footprint()
    for some in _chunks(document_ids):
        ids = [document.c.form_type == criterion.form_type, document.c.id.in_(some)]
        done += _footprint(connection, ids)
        _bury(connection, ids, now)
        targets.remove(connection, target_table, some)
        _end_operations(connection, some, now)
        connection.execute(delete(document).where(*ids))
    if done.documents:
        told = asdict(done)
        runs.record(
            connection, EVENT, now=now, form_type=criterion.form_type, criterion=criterion.said, **told
        )
    return done


def etags(connection: Connection, form_type: str, hashes: Sequence[str]) -> dict[str, str]:
    """The ETags that blobs had when they were forgotten, by path hash."""
    found: dict[str, str] = {}
    for some in _chunks(hashes):
        rows = connection.execute(
            select(forgotten.c.path_hash, forgotten.c.etag).where(
                forgotten.c.form_type == form_type, forgotten.c.path_hash.in_(some)
            )
        )
        found.update({row.path_hash: row.etag for row in rows})
    return found


def any_of(connection: Connection, form_type: str) -> bool:
    """Whether documents of a form type were forgotten."""
    query = select(forgotten.c.path_hash).where(forgotten.c.form_type == form_type).limit(1)
    return connection.scalar(query) is not None


def exhume(connection: Connection, form_type: str, hashes: Iterable[str]) -> None:
    """Drop tombstones: these blobs changed, and are new documents."""
    for some in _chunks(hashes):
        connection.execute(
            delete(forgotten).where(forgotten.c.form_type == form_type, forgotten.c.path_hash.in_(some))
        )


def counts(connection: Connection) -> dict[str, int]:
    """How many documents are forgotten, by form type."""
    query: Select[Any] = select(forgotten.c.form_type, func.count()).group_by(forgotten.c.form_type)
    return {row[0]: row[1] for row in connection.execute(query)}


def settle(database: Engine) -> bool:
    """Empty SQLite's write-ahead log, which keeps pages as they were before; False where that failed: a
    reader looks at one of them, the disk is full. Nothing to do on the other dialects."""
    if database.dialect.name != "sqlite":
        return True
    connection = database.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (busy, *_) = cursor.fetchall()[0]
    except sqlite3.Error:
        return False
    finally:
        connection.close()
    return not busy


def _footprint(connection: Connection, chosen: Sequence[ColumnElement[bool]]) -> Footprint:
    """Counted table by table: a join of them all would count the pages of a document many times."""
    parts = document.join(part, part.c.document_id == document.c.id)
    sources = {
        "read": document.join(part, and_(part.c.document_id == document.c.id, part.c.number == 1)),
        "values": parts.join(field_value, field_value.c.part_id == part.c.id),
        "cells": parts.join(table_cell, table_cell.c.part_id == part.c.id),
        "deliveries": document.join(delivery, delivery.c.document_id == document.c.id),
    }
    found = {name: _count(connection, source, chosen) for name, source in sources.items()}
    query = select(func.count(), func.coalesce(func.sum(document.c.pages), 0)).where(*chosen)
    documents, pages = connection.execute(query.select_from(document)).one()
    return Footprint(documents=documents, pages=pages, **found)


def _count(connection: Connection, source: Any, chosen: Sequence[ColumnElement[bool]]) -> int:
    return connection.scalar(select(func.count()).select_from(source).where(*chosen)) or 0


def _bury(connection: Connection, chosen: Sequence[ColumnElement[bool]], now: datetime) -> None:
    """A tombstone for each of these documents, instead of the one it may have had."""
    same = exists().where(
        document.c.form_type == forgotten.c.form_type, document.c.path_hash == forgotten.c.path_hash, *chosen
    )
    connection.execute(delete(forgotten).where(same))
    values = (
        select(func.count())
        .select_from(part.join(field_value, field_value.c.part_id == part.c.id))
        .where(part.c.document_id == document.c.id)
        .correlate(document)
        .scalar_subquery()
    )
    columns = ("form_type", "path_hash", "etag", "outcome", "pages")
    found = select(*(document.c[name] for name in columns), values, literal(now, UtcDateTime()))
    connection.execute(
        insert(forgotten).from_select([*columns, "field_values", "forgotten_at"], found.where(*chosen))
    )


def _end_operations(connection: Connection, document_ids: Sequence[int], now: datetime) -> None:
    """What was asked of a service for these documents alone: its result is not fetched any more, and the
    address it lies under is dropped."""
    of_these = select(operation_document.c.operation_id).where(
        operation_document.c.document_id.in_(document_ids)
    )
    of_others = exists().where(
        operation_document.c.operation_id == operation.c.id,
        operation_document.c.document_id.not_in(document_ids),
    )
    alone = (operation.c.id.in_(of_these), ~of_others)
    connection.execute(
        update(operation)
        .where(*alone, operation.c.state.in_(("intended", "submitted")))
        .values(state="finished", reason="forgotten", finished_at=now)
    )
    connection.execute(update(operation).where(*alone).values(url="", subject=""))


def _chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Lists short enough for an IN on every dialect."""
    source = iter(items)
    while chunk := list(islice(source, _IN_LIST)):
        yield chunk
