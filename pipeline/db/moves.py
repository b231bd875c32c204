"""Statements that read a router's document again and write what a person said of it. Each function works
inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from pipeline.db.chunks import chunks
from pipeline.db.tables import document, field_value, part
from pipeline.texts import CLASS, CLASSES
from pipeline.types import (
    BacklogDocument,
    BlobRef,
    DocumentOutcome,
    ExtractedField,
    ScoredValue,
    TypedValue,
)


@dataclass(frozen=True, slots=True)
class Place:
    """A document and the router's document that it comes from: itself, where it is the router's. `router`: of
    which form type that one is."""

    id: int
    source_id: int
    router: str
    pages: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Source:
    """A router's document with the classes that it was given."""

    document: BacklogDocument
    stage: str
    outcome: DocumentOutcome | None
    reason: str | None
    message: str | None
    pages: int | None
    values: tuple[ScoredValue, ...] = ()


def places(connection: Connection, ids: Sequence[int]) -> list[Place]:
    """Where these documents come from, in the order of their ids."""
    source = document.alias("source")
    came = func.coalesce(document.c.routed_from, document.c.id)
    found: list[Place] = []
    for some in chunks(sorted(ids)):
        query: Select[Any] = (
            select(
                document.c.id,
                source.c.id.label("source_id"),
                source.c.form_type.label("router"),
                document.c.first_page,
                document.c.last_page,
            )
            .select_from(document.join(source, source.c.id == came))
            .where(document.c.id.in_(some))
            .order_by(document.c.id)
        )
        found += [Place(row.id, row.source_id, row.router, _pages(row)) for row in connection.execute(query)]
    return found


def source(connection: Connection, key: int) -> Source | None:
    """A router's document. Nobody can change it until the transaction ends."""
    query = select(document).where(document.c.id == key)
    locked = query.with_for_update().with_hint(document, "WITH (UPDLOCK, ROWLOCK)", "mssql")
    row = connection.execute(locked).one_or_none()
    if row is None:
        return None
    record = BacklogDocument(
        row.id, row.form_type, BlobRef(row.account, row.container, row.path, row.etag), row.size, row.attempts
    )
    classes = tuple(_classes(connection, key))
    return Source(record, row.stage, row.outcome, row.reason, row.message, row.pages, classes)


def settle(connection: Connection, key: int, outcome: str, reason: str | None, message: str | None) -> None:
    """How a router's document stands now."""
    values = {"outcome": outcome, "reason": reason, "message": message}
    connection.execute(update(document).where(document.c.id == key).values(values))


def clear_up(connection: Connection, key: int, occurrences: Collection[int]) -> None:
    """Of the classes that the model gave a document these are kept, and nobody is asked about them. Done
    again, it does the same."""
    mine = (
        field_value.c.part_id.in_(select(part.c.id).where(part.c.document_id == key)),
        field_value.c.source == "model",
    )
    others = field_value.c.occurrence.not_in(sorted(occurrences))
    connection.execute(delete(field_value).where(*mine, field_value.c.field == CLASS, others))
    connection.execute(update(field_value).where(*mine).values(review=False))


def correct(connection: Connection, key: int, category: str | None) -> None:
    """The class that a person gave a document, beside that of the model; None where it is of several. Done
    again, it does the same."""
    first = select(part.c.id).where(part.c.document_id == key, part.c.number == 1)
    part_id = connection.scalar(first)
    if part_id is None:
        return
    said = {"part_id": part_id, "field": CLASS, "occurrence": 0, "source": "person"}
    mine = [field_value.c[name] == value for name, value in said.items()]
    connection.execute(delete(field_value).where(*mine))
    if category is not None:
        connection.execute(insert(field_value).values(**said, text=category, value_text=category, page=1))


def _classes(connection: Connection, key: int) -> list[ScoredValue]:
    told = (field_value.c[name] for name in ("field", "text", "confidence", "page", "occurrence"))
    query: Select[Any] = (
        select(*told)
        .join(part, part.c.id == field_value.c.part_id)
        .where(part.c.document_id == key, field_value.c.source == "model")
        .where(field_value.c.field.in_((CLASS, CLASSES)))
        .order_by(field_value.c.occurrence)
    )
    return [_value(row) for row in connection.execute(query)]


def _value(row: Row[Any]) -> ScoredValue:
    found = ExtractedField(
        row.field, row.text or "", row.page or 1, None, row.confidence or 0.0, occurrence=row.occurrence
    )
    return ScoredValue(found, TypedValue(text=row.text), False)


def _pages(row: Row[Any]) -> tuple[int, int] | None:
    return None if row.first_page is None else (row.first_page, row.last_page)
