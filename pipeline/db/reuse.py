"""Statements that take the values of a document whose blob is gone over to one with the same content. Each
function works inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    and_,
    delete,
    exists,
    insert,
    or_,
    select,
    update,
)

from pipeline.db.chunks import chunks
from pipeline.db.tables import document, field_value, part, table_cell
from pipeline.db.value_rows import CELL_COLUMNS, VALUE_COLUMNS
from pipeline.types import BlobRef

_READ = exists().where(part.c.document_id == document.c.id)
_PERSON = "person"


@dataclass(frozen=True, slots=True)
class Former:
    """A document whose blob is gone and whose values are kept. `certain`: the fields the model found, and
    whether a value of each needs no person to look at it. `part`: the pages of the blob that it is, None for
    all; `routed`: a router handed it on."""

    id: int
    ref: BlobRef
    pages: int
    ocr_pages: int | None
    layout_confidence: float | None
    certain: Mapping[str, bool]
    part: tuple[int, int] | None = None
    routed: bool = False


def find(
    connection: Connection, document_id: int, form_type: str, content_hash: str, version_id: int
) -> Former | None:
    """The document of this content that was scored by this model version and went last. None for a document
    that was read itself since then: somebody wants it to be scored again."""
    own = document.alias("own")
    read_since = exists().where(
        own.c.id == document_id,
        own.c.content_hash == content_hash,
        own.c.finished_at >= document.c.finished_at,
    )
    row = connection.execute(
        select(document)
        .where(
            *_gone_with(form_type, [content_hash]),
            document.c.model_version_id == version_id,
            document.c.id != document_id,
            ~read_since,
        )
        .order_by(document.c.finished_at.desc(), document.c.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    ref = BlobRef(row.account, row.container, row.path, row.etag)
    certain = _certain(connection, row.id)
    part = None if row.first_page is None else (row.first_page, row.last_page)
    read = (row.pages or 0, row.ocr_pages, row.layout_confidence)
    return Former(row.id, ref, *read, certain, part, row.routed_from is not None)


def still_there(connection: Connection, ids: Iterable[int]) -> dict[int, str]:
    """Which of these are gone and have their values still, with their content hash. Nobody can change that
    until the transaction ends."""
    found: dict[int, str] = {}
    for some in chunks(sorted(ids)):
        query = select(document.c.id, document.c.content_hash).where(
            document.c.id.in_(some), document.c.outcome == "gone", _READ
        )
        locked = query.with_for_update(of=document).with_hint(document, "WITH (UPDLOCK, ROWLOCK)", "mssql")
        found.update({row.id: row.content_hash for row in connection.execute(locked.order_by(document.c.id))})
    return found


def take_over(connection: Connection, former: int, now: int) -> None:
    """Give document `now` the parts, values and table cells of `former`, a person's among them; what a person
    said of `now` stays where nothing was said of `former`. Done again, it does the same."""
    _copy_parts(connection, former, now)
    mine = select(part.c.id).where(part.c.document_id == now)
    connection.execute(
        delete(field_value).where(
            field_value.c.part_id.in_(mine), or_(field_value.c.source != _PERSON, _said_of(former))
        )
    )
    connection.execute(delete(table_cell).where(table_cell.c.part_id.in_(mine)))
    _copy_values(connection, former, now)
    before, after = part.alias("before"), part.alias("after")
    cells = [table_cell.c[name] for name in CELL_COLUMNS[1:]]
    pairs = before.join(after, _same_part(before, after, former, now))
    joined = pairs.join(table_cell, table_cell.c.part_id == before.c.id)
    connection.execute(
        insert(table_cell).from_select(list(CELL_COLUMNS), select(after.c.id, *cells).select_from(joined))
    )


def carry_corrections(connection: Connection, form_type: str, scored: Mapping[int, str]) -> None:
    """Give documents that were scored what persons said of the same content under a name that is gone, where
    nobody has said anything yet. `scored`: content hashes by document id. Done again, it adds nothing."""
    corrected = exists().where(
        part.c.document_id == document.c.id,
        field_value.c.part_id == part.c.id,
        field_value.c.source == _PERSON,
    )
    said: dict[str, int] = {}
    for some in chunks(sorted(set(scored.values()))):
        query = select(document.c.content_hash, document.c.id).where(*_gone_with(form_type, some), corrected)
        rows = connection.execute(query.order_by(document.c.finished_at, document.c.id))
        said.update({row.content_hash: row.id for row in rows})
    for key, content_hash in sorted(scored.items()):
        if (former := said.get(content_hash, key)) != key:
            _copy_values(connection, former, key, field_value.c.source == _PERSON)


def _gone_with(form_type: str, hashes: list[str]) -> tuple[ColumnElement[bool], ...]:
    return (
        document.c.form_type == form_type,
        document.c.content_hash.in_(hashes),
        document.c.outcome == "gone",
        _READ,
    )


def _certain(connection: Connection, document_id: int) -> dict[str, bool]:
    rows = connection.execute(
        select(field_value.c.field, field_value.c.review)
        .join(part, part.c.id == field_value.c.part_id)
        .where(part.c.document_id == document_id, field_value.c.source == "model")
    )
    found: dict[str, bool] = {}
    for row in rows:
        found[row.field] = found.get(row.field, False) or not row.review
    return found


def _copy_parts(connection: Connection, former: int, now: int) -> None:
    columns = ("number", "first_page", "last_page", "doc_type", "confidence")
    query = select(*(part.c[name] for name in columns)).where(part.c.document_id == former)
    wanted = {row.number: dict(row._mapping) for row in connection.execute(query)}
    mine = part.c.document_id == now
    connection.execute(delete(part).where(mine, part.c.number.not_in(wanted)))
    there = set(connection.scalars(select(part.c.number).where(mine)))
    for number, values in wanted.items():
        if number in there:
            connection.execute(update(part).where(mine, part.c.number == number).values(values))
        else:
            connection.execute(insert(part).values(values | {"document_id": now}))


def _said_of(former: int) -> ColumnElement[bool]:
    """Whether a person said something of the former document where this value of another stands. Documents
    have one place for each: part number, field and occurrence."""
    mine, theirs, said = part.alias("mine"), part.alias("theirs"), field_value.alias("said")
    return exists().where(
        mine.c.id == field_value.c.part_id,
        theirs.c.document_id == former,
        theirs.c.number == mine.c.number,
        said.c.part_id == theirs.c.id,
        said.c.field == field_value.c.field,
        said.c.occurrence == field_value.c.occurrence,
        said.c.source == _PERSON,
    )


def _copy_values(connection: Connection, former: int, now: int, *which: ColumnElement[bool]) -> None:
    """Those that have no place taken."""
    before, after, there = part.alias("before"), part.alias("after"), field_value.alias("there")
    taken = exists().where(
        there.c.part_id == after.c.id,
        there.c.field == field_value.c.field,
        there.c.occurrence == field_value.c.occurrence,
        there.c.source == field_value.c.source,
    )
    joined = before.join(after, _same_part(before, after, former, now)).join(
        field_value, field_value.c.part_id == before.c.id
    )
    columns = [field_value.c[name] for name in VALUE_COLUMNS[1:]]
    found = select(after.c.id, *columns).select_from(joined).where(~taken, *which)
    connection.execute(insert(field_value).from_select(list(VALUE_COLUMNS), found))


def _same_part(before: FromClause, after: FromClause, former: int, now: int) -> ColumnElement[bool]:
    return and_(before.c.document_id == former, after.c.document_id == now, after.c.number == before.c.number)
