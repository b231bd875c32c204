"""What reports ask the database. No statement here reads the text or value of a field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Row,
    Select,
    and_,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
    true,
)

from pipeline.db.tables import document, field_value, form_type, model_version, part, run, run_row
from pipeline.texts import CLASS

BUCKETS = 10
READABLE = ("loaded", "partial")
"""Outcomes of documents that have values."""


def find_run(connection: Connection, run_id: int | None) -> Row[Any] | None:
    """A run by its id, the last one for None."""
    query = select(run).order_by(run.c.id.desc()).limit(1)
    whole = query.where(run.c.parent_id.is_(None))
    return connection.execute(whole if run_id is None else query.where(run.c.id == run_id)).one_or_none()


def rows_of_run(connection: Connection, run_id: int) -> dict[str, Row[Any]]:
    """What a run did, by form type."""
    rows = connection.execute(select(run_row).where(run_row.c.run_id == run_id))
    return {row.form_type: row for row in rows}


def last_runs(connection: Connection) -> dict[str, Row[Any]]:
    """By form type: the id and start of the last run that had it, and what it decided."""
    last = (
        select(run_row.c.form_type, func.max(run_row.c.run_id).label("run_id"))
        .join(run, run.c.id == run_row.c.run_id)
        .where(run.c.parent_id.is_(None))
        .group_by(run_row.c.form_type)
        .subquery()
    )
    query: Select[Any] = (
        select(run_row.c.form_type, run.c.id.label("run_id"), run.c.started_at, run_row.c.state)
        .join(last, and_(last.c.form_type == run_row.c.form_type, last.c.run_id == run_row.c.run_id))
        .join(run, run.c.id == run_row.c.run_id)
    )
    return {row.form_type: row for row in connection.execute(query)}


def form_types(connection: Connection) -> dict[str, str]:
    """Every form type and the group whose models it uses."""
    group = func.coalesce(func.nullif(form_type.c.form_batch_group_id, ""), form_type.c.form_type)
    query = select(form_type.c.form_type, group).order_by(form_type.c.form_type)
    return {row[0]: row[1] for row in connection.execute(query)}


def documents_by_state(connection: Connection) -> list[Row[Any]]:
    """Per form type and state (an outcome, or `pending`): documents, pages and layout confidence."""
    state = func.coalesce(document.c.outcome, "pending").label("state")
    return list(
        connection.execute(
            select(
                document.c.form_type,
                state,
                func.count().label("documents"),
                func.coalesce(func.sum(document.c.pages), 0).label("pages"),
                func.coalesce(func.sum(document.c.ocr_pages), 0).label("ocr_pages"),
                func.count(document.c.layout_confidence).label("read"),
                func.sum(document.c.layout_confidence).label("layout_confidence"),
            ).group_by(document.c.form_type, document.c.outcome)
        )
    )


def failures(connection: Connection) -> list[Row[Any]]:
    """Documents with a reason, by form type, state and reason, the most frequent first; the path and
    message of the first of each."""
    counted = (
        select(func.count().label("documents"), func.min(document.c.id).label("first"))
        .where(
            document.c.reason.is_not(None),
            or_(document.c.outcome.is_(None), document.c.outcome.in_(("dead", "partial", "unrouted"))),
        )
        .group_by(document.c.form_type, document.c.outcome, document.c.reason)
        .subquery("counted")
    )
    query = (
        select(
            document.c.form_type,
            func.coalesce(document.c.outcome, "waiting").label("state"),
            document.c.reason,
            counted.c.documents,
            document.c.path.label("example"),
            document.c.message,
        )
        .join(counted, counted.c.first == document.c.id)
        .order_by(document.c.form_type, counted.c.documents.desc(), document.c.reason)
    )
    return list(connection.execute(query))


def failures_of_run(connection: Connection, run_id: int) -> list[Row[Any]]:
    """How many documents a run ended for a reason, by form type and outcome, the most frequent first."""
    documents = func.count().label("documents")
    query = (
        select(document.c.form_type, document.c.outcome, document.c.reason, documents)
        .where(
            document.c.run_id == run_id,
            document.c.outcome.in_(("dead", "partial", "unrouted")),
            document.c.reason.is_not(None),
        )
        .group_by(document.c.form_type, document.c.outcome, document.c.reason)
        .order_by(document.c.form_type, documents.desc(), document.c.outcome, document.c.reason)
    )
    return list(connection.execute(query))


def documents_by_version(connection: Connection) -> list[Row[Any]]:
    """Per form type and version that scored them: documents that have values, the oldest version first."""
    query = (
        select(document.c.form_type, model_version.c.version, func.count().label("documents"))
        .join(model_version, model_version.c.id == document.c.model_version_id)
        .where(document.c.outcome.in_(READABLE))
        .group_by(document.c.form_type, model_version.c.version)
        .order_by(document.c.form_type, model_version.c.version)
    )
    return list(connection.execute(query))


def confidences(connection: Connection, name: str | None = None) -> list[Row[Any]]:
    """How values are spread over tenths of field and of layout confidence.

    Per form type, field, `field_tenth` and `layout_tenth` (0 to 9, None where unknown): model values of
    loaded and partial documents, and how many of them wait for a person, ambiguous ones apart.
    """
    field_tenth = _tenth(field_value.c.confidence).label("field_tenth")
    layout_tenth = _tenth(field_value.c.layout_confidence).label("layout_tenth")
    keys = (document.c.form_type, field_value.c.field, field_tenth, layout_tenth)
    person = field_value.alias()
    waits = and_(field_value.c.review, person.c.part_id.is_(None))
    query: Select[Any] = (
        select(
            *keys,
            func.count().label("number"),
            func.sum(field_value.c.confidence).label("confidence"),
            func.sum(case((and_(waits, ~field_value.c.ambiguous), 1), else_=0)).label("review"),
            func.sum(case((and_(waits, field_value.c.ambiguous), 1), else_=0)).label("ambiguous"),
        )
        .select_from(_values().outerjoin(person, _corrects(person)))
        .where(_readable(), field_value.c.source == "model")
        .group_by(*keys)
        .order_by(*keys)
    )
    return list(connection.execute(_of(query, name)))


def review_counts(connection: Connection) -> dict[str, int]:
    """Values that wait for a person, by form type."""
    query = (
        select(document.c.form_type, func.count())
        .select_from(_values())
        .where(_readable(), _waits_for_a_person())
        .group_by(document.c.form_type)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def review_list(connection: Connection, name: str | None, limit: int) -> Iterator[Row[Any]]:
    """Values that wait for a person: where they stand and how sure the model was, not what they are."""
    query = (
        select(
            document.c.form_type,
            document.c.id.label("document_id"),
            document.c.path,
            field_value.c.field,
            field_value.c.occurrence,
            field_value.c.page,
            field_value.c.confidence,
            field_value.c.layout_confidence,
            field_value.c.ambiguous,
        )
        .select_from(_values())
        .where(_readable(), _waits_for_a_person())
        .order_by(document.c.form_type, document.c.id, field_value.c.field, field_value.c.occurrence)
        .limit(limit)
    )
    return iter(connection.execute(_of(query, name)))


def document_list(
    connection: Connection, name: str | None, outcome: str | None, limit: int
) -> Iterator[Row[Any]]:
    """Documents of one outcome (or `pending`, or None: any), in the order they were seen."""
    state = func.coalesce(document.c.outcome, document.c.stage).label("state")
    query = (
        select(
            document.c.form_type,
            document.c.id,
            document.c.path,
            state,
            document.c.reason,
            document.c.message,
            document.c.attempts,
            document.c.pages,
        )
        .order_by(document.c.form_type, document.c.id)
        .limit(limit)
    )
    if outcome == "pending":
        query = query.where(document.c.outcome.is_(None))
    elif outcome is not None:
        query = query.where(document.c.outcome == outcome)
    return iter(connection.execute(_of(query, name)))


def unrouted(connection: Connection, name: str | None, limit: int) -> Iterator[Row[Any]]:
    """Documents that their router is not sure of, in the order they were seen, each with the classes it was
    given: a row for each, by page and then the likeliest first; the class is None where there is none."""
    some: Select[Any] = (
        select(
            document.c.form_type,
            document.c.id,
            document.c.path,
            document.c.reason,
            document.c.message,
            document.c.pages,
        )
        .where(document.c.outcome == "unrouted")
        .order_by(document.c.form_type, document.c.id)
        .limit(limit)
    )
    waiting = _of(some, name).subquery("waiting")
    given = (
        select(part.c.document_id, field_value.c.text, field_value.c.confidence, field_value.c.page)
        .join(field_value, field_value.c.part_id == part.c.id)
        .where(field_value.c.field == CLASS, field_value.c.source == "model")
        .subquery("given")
    )
    query: Select[Any] = (
        select(*waiting.c, given.c.text.label("class"), given.c.confidence, given.c.page)
        .select_from(waiting.outerjoin(given, given.c.document_id == waiting.c.id))
        .order_by(waiting.c.form_type, waiting.c.id, given.c.page, given.c.confidence.desc())
    )
    return iter(connection.execute(query))


def unsorted(connection: Connection, name: str | None) -> dict[str, int]:
    """By router, how many documents it scored and handed on to no form type."""
    handed_on = document.alias("handed_on")
    query: Select[Any] = (
        select(document.c.form_type, func.count())
        .select_from(document.join(form_type, form_type.c.form_type == document.c.form_type))
        .where(
            form_type.c.routes == true(),
            document.c.outcome == "loaded",
            ~exists().where(handed_on.c.routed_from == document.c.id),
        )
        .group_by(document.c.form_type)
    )
    return {row[0]: row[1] for row in connection.execute(_of(query, name))}


def model_versions(connection: Connection) -> list[Row[Any]]:
    """Every version by group, the newest first."""
    columns = model_version.c
    query = select(
        columns.form_batch_group_id,
        columns.version,
        columns.state,
        columns.f1,
        columns.training_documents,
        columns.engine,
        columns.reason,
    )
    return list(connection.execute(query.order_by(columns.form_batch_group_id, columns.version.desc())))


def finished_documents(connection: Connection, run_id: int) -> Iterator[Row[Any]]:
    """When each document of a run was finished, and its pages."""
    query = (
        select(document.c.finished_at, func.coalesce(document.c.pages, 0).label("pages"))
        .where(document.c.run_id == run_id, document.c.finished_at.is_not(None))
        .execution_options(yield_per=5000)
    )
    return iter(connection.execute(query))


def _of(query: Select[Any], name: str | None) -> Select[Any]:
    return query if name is None else query.where(document.c.form_type == name)


def _values() -> Any:
    return document.join(part, part.c.document_id == document.c.id).join(
        field_value, field_value.c.part_id == part.c.id
    )


def _readable() -> ColumnElement[bool]:
    return and_(document.c.stage == "done", document.c.outcome.in_(READABLE))


def _corrects(person: FromClause) -> ColumnElement[bool]:
    """A person gave a value of their own for this one."""
    return and_(
        person.c.part_id == field_value.c.part_id,
        person.c.field == field_value.c.field,
        person.c.occurrence == field_value.c.occurrence,
        person.c.source == "person",
    )


def _waits_for_a_person() -> ColumnElement[bool]:
    corrected = exists().where(_corrects(field_value.alias()))
    return and_(field_value.c.review, field_value.c.source == "model", ~corrected)


def _tenth(column: ColumnElement[float]) -> ColumnElement[int]:
    """0 for [0, 0.1), ... 9 for [0.9, 1]; None for None. Dialects do not agree on how a cast rounds.

    Literals, not parameters: SQL Server only knows an expression of GROUP BY again when it is the same text.
    """
    ladder: list[tuple[ColumnElement[bool], ColumnElement[int]]] = [
        (column >= literal_column(f"0.{step}"), literal_column(str(step), Integer))
        for step in range(BUCKETS - 1, -1, -1)
    ]
    return case(*ladder)
