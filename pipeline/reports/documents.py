"""What verification reads of documents: in pages by key, one short transaction each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, and_, case, func, select

from pipeline.db import forgetting, models
from pipeline.db.connection import reading
from pipeline.db.tables import STAGES, document, field_value, part, run
from pipeline.types import FormType


@dataclass(frozen=True, slots=True)
class Checked:
    """A document and what hangs on it. `values`: of the model; `fields`: those asked for that have a text."""

    id: int
    container: str
    path: str
    stage: str
    outcome: str | None
    pages: int | None
    model_version_id: int | None
    parts: int
    part_pages: int
    values: int
    fields: frozenset[str]
    first_page: int | None = None
    last_page: int | None = None
    routed_from: int | None = None

    @property
    def part(self) -> tuple[int, int] | None:
        """The pages of its blob that it is, None for all."""
        if self.first_page is None or self.last_page is None:
            return None
        return (self.first_page, self.last_page)


def highest_id(database: Engine) -> int:
    """The highest document id so far, 0 for none."""
    with reading(database) as connection:
        return connection.scalar(select(func.max(document.c.id))) or 0


def by_hash(database: Engine, form_type: str, hashes: Sequence[str]) -> dict[str, Row[Any]]:
    """Id, ETag and outcome of documents by path hash."""
    query: Select[Any] = select(
        document.c.path_hash, document.c.id, document.c.etag, document.c.outcome
    ).where(document.c.form_type == form_type, document.c.path_hash.in_(hashes))
    with reading(database) as connection:
        return {row.path_hash: row for row in connection.execute(query)}


def forgotten(database: Engine, form_type: str, hashes: Collection[str]) -> dict[str, str]:
    """The ETags that blobs had when they were forgotten, by path hash."""
    with reading(database) as connection:
        return forgetting.etags(connection, form_type, sorted(hashes))


def held_by_none(database: Engine, form_type: str) -> Sequence[str]:
    """Paths of documents that are claimed by a run that has ended."""
    working = select(run.c.id).where(run.c.state == "running")
    held = (document.c.claimed_by.is_not(None), document.c.claimed_by.not_in(working))
    query = select(document.c.path).where(document.c.form_type == form_type, *held).order_by(document.c.id)
    with reading(database) as connection:
        return connection.scalars(query).all()


def required_fields(database: Engine, row: FormType) -> dict[int | None, frozenset[str]]:
    """The required fields by the id of the model version that scored; the row's own fields win.

    Under None: those of the row alone, for a version nobody knows any more.
    """
    own = {spec.name: spec.required for spec in row.fields}
    required: dict[int | None, frozenset[str]] = {None: _required(own)}
    with reading(database) as connection:
        for version in models.versions(connection, row.group):
            required[version.id] = _required({spec.name: spec.required for spec in version.fields} | own)
    return required


def _required(fields: dict[str, bool]) -> frozenset[str]:
    return frozenset(name for name, required in fields.items() if required)


def pages(database: Engine, form_type: str, fields: Sequence[str], size: int) -> Iterator[list[Checked]]:
    """The documents of a form type by stage and id, `size` at a time: the order of their index."""
    for stage in STAGES:
        last = 0
        while found := _page_of(database, form_type, stage, last, fields, size):
            yield found
            last = found[-1].id


def _page_of(
    database: Engine, form_type: str, stage: str, last: int, fields: Sequence[str], size: int
) -> list[Checked]:
    with reading(database) as connection:
        found = connection.execute(_query(form_type, stage, last, size)).all()
        present = _present(connection, [row.id for row in found], fields)
    return [Checked(**row._mapping, fields=frozenset(present.get(row.id, ()))) for row in found]


def _query(form_type: str, stage: str, last: int, size: int) -> Select[Any]:
    """The page is cut off first: parts and values are counted for its documents only."""
    some = (
        select(
            document.c.id,
            document.c.container,
            document.c.path,
            document.c.stage,
            document.c.outcome,
            document.c.pages,
            document.c.model_version_id,
            document.c.first_page,
            document.c.last_page,
            document.c.routed_from,
        )
        .where(document.c.form_type == form_type, document.c.stage == stage, document.c.id > last)
        .order_by(document.c.id)
        .limit(size)
        .subquery("some")
    )
    mine = part.c.document_id == some.c.id
    of_mine = and_(mine, field_value.c.part_id == part.c.id, field_value.c.source == "model")
    span = func.coalesce(func.sum(part.c.last_page - part.c.first_page + 1), 0)
    parts = select(func.count()).select_from(part).where(mine).scalar_subquery()
    part_pages = select(span).where(mine).scalar_subquery()
    values = select(func.count()).select_from(part).join(field_value, of_mine).where(mine).scalar_subquery()
    return select(
        *some.c, parts.label("parts"), part_pages.label("part_pages"), values.label("values")
    ).order_by(some.c.id)


def _present(connection: Connection, ids: Sequence[int], fields: Sequence[str]) -> dict[int, set[str]]:
    """Of these fields, those that have a text (a person's wins), by document."""
    if not ids or not fields:
        return {}
    text = func.coalesce(field_value.c.text, "")
    person = func.max(case((field_value.c.source == "person", 1), else_=0))
    by_person = func.max(case((field_value.c.source == "person", text), else_=""))
    by_model = func.max(case((field_value.c.source == "model", text), else_=""))
    query = (
        select(part.c.document_id, field_value.c.field)
        .join(field_value, field_value.c.part_id == part.c.id)
        .where(part.c.document_id.in_(ids), field_value.c.field.in_(fields))
        .group_by(part.c.id, part.c.document_id, field_value.c.field, field_value.c.occurrence)
        .having(case((person == 1, by_person), else_=by_model) != "")
    )
    present: dict[int, set[str]] = {}
    for key, field in connection.execute(query):
        present.setdefault(key, set()).add(field)
    return present
