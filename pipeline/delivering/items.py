"""Items of documents, made from SQL: what the typed view shows, with where each value came from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, select

from pipeline.db.tables import document, field_value, model_version, part
from pipeline.formats.item_json import item_id, json_number, partition_key, sealed
from pipeline.types import SinkItem

Fields = dict[str, Mapping[str, object]]

_MOST = 500
"""Documents of one query: an IN has to be short."""
_PART = (part.c.document_id, part.c.number, part.c.doc_type, part.c.first_page, part.c.last_page)


def build_items(connection: Connection, document_ids: Sequence[int]) -> dict[int, SinkItem]:
    """The items of these documents, by document id. One that the view does not show has none: it could not
    be read (`dead`), or nothing of it was (no part)."""
    items: dict[int, SinkItem] = {}
    for start in range(0, len(document_ids), _MOST):
        some = document_ids[start : start + _MOST]
        parts = _parts(connection, some)
        for row in _documents(connection, some):
            if parts[row.id]:
                items[row.id] = _item(row, parts[row.id])
    return items


def _documents(connection: Connection, ids: Sequence[int]) -> Iterable[Any]:
    return connection.execute(
        select(document, model_version.c.version)
        .outerjoin(model_version, model_version.c.id == document.c.model_version_id)
        .where(document.c.id.in_(ids), document.c.stage == "done", document.c.outcome != "dead")
    )


def _parts(connection: Connection, ids: Sequence[int]) -> dict[int, list[dict[str, object]]]:
    """The parts of documents in their order, each with its fields."""
    rows = connection.execute(
        select(*_PART, *field_value.c)
        .outerjoin(field_value, field_value.c.part_id == part.c.id)
        .where(part.c.document_id.in_(ids))
        .order_by(part.c.document_id, part.c.number)
    )
    found: dict[int, list[dict[str, object]]] = defaultdict(list)
    for (key, number), values in groupby(rows, key=lambda row: (row.document_id, row.number)):
        found[key].append(_part(number, list(values)))
    return found


def _part(number: int, rows: Sequence[Any]) -> dict[str, object]:
    first = rows[0]
    return {
        "number": number,
        "doc_type": first.doc_type,
        "first_page": first.first_page,
        "last_page": first.last_page,
        "fields": fields_of(row for row in rows if row.field is not None),
    }


def _item(row: Any, parts: Sequence[Mapping[str, Any]]) -> SinkItem:
    key = item_id(row.form_type, row.path_hash, row.content_hash)
    item = SinkItem(
        id=key,
        partition_key=partition_key(row.form_type, key),
        form_type=row.form_type,
        account=row.account,
        container=row.container,
        path=row.path,
        content_hash=row.content_hash,
        outcome=row.outcome,
        pages=row.pages,
        model_version=row.version,
        scored_at=row.finished_at.isoformat() if row.finished_at else None,
        fields=parts[0]["fields"],
        parts=tuple(parts[1:]),
    )
    return sealed(item)


def fields_of(rows: Iterable[Any]) -> Fields:
    """Rows of `field_value` of one part, by field. Where a person gave a value, the model's is left out.
    `occurrences` lists them all where a field stands there more than once."""
    chosen = {(row.field, row.occurrence): row for row in sorted(rows, key=_by_preference)}
    ordered = [chosen[key] for key in sorted(chosen)]
    return {name: _field(list(found)) for name, found in groupby(ordered, key=lambda row: row.field)}


def _by_preference(row: Any) -> bool:
    """A person's value comes last, and stays."""
    return bool(row.source == "person")


def _field(rows: Sequence[Any]) -> dict[str, object]:
    found = [dict(_value(row)) for row in rows]
    return found[0] | ({"occurrences": found} if len(found) > 1 else {})


def _value(row: Any) -> Iterator[tuple[str, object]]:
    yield "value", typed_value(row)
    yield "text", row.text
    if row.currency is not None:
        yield "currency", row.currency
    yield "confidence", row.confidence
    yield "page", row.page
    if row.text_offset is not None:
        yield "offset", row.text_offset
        yield "length", row.text_length
    yield "source", row.source
    yield "review", bool(row.review)


def typed_value(row: Any) -> object:
    """The one value of a row that is set: a number, an ISO date or time, a mark or a text; else None."""
    if row.value_number is not None:
        return json_number(row.value_number)
    if row.value_date is not None:
        return row.value_date.isoformat()
    if row.value_time is not None:
        return row.value_time.isoformat()
    return row.value_mark if row.value_mark is not None else row.value_text
