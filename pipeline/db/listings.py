"""Statements that compare a listing with `document` and bring it up to date, many names at a time. Each
function works inside the caller's transaction.

A batch of names is one statement: SQLite and PostgreSQL take it as one parameter, look each name up by the
unique index and answer in one row, so that neither names nor known documents pass one by one. Elsewhere
names are looked up by lists that are short enough for an IN.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    Insert,
    Unicode,
    Update,
    bindparam,
    cast,
    column,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.db.chunks import chunks
from pipeline.db.columns import UtcDateTime
from pipeline.db.gone import BLOB_GONE
from pipeline.db.tables import STAGES, document
from pipeline.db.transactions import consult
from pipeline.types import Blob, BlobRef

_PAGE = 20_000
"""Ids that are read at a time."""
_ADDED_AT_ONCE = 2_000
"""Rows of a statement: what the driver makes of them takes some kilobytes each."""


@dataclass(frozen=True, slots=True)
class KnownDocument:
    """What the database holds of a blob path."""

    id: int
    etag: str
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a batch of names is to the database. `same`: ids of documents whose blob did not change;
    `differing`: path hashes of the others, with the id of a document whose blob changed or came back, or None
    where there is no document."""

    same: Sequence[int]
    differing: Mapping[str, int | None]


def compare(connection: Connection, form_type: str, etags: Mapping[str, str]) -> Comparison:
    """Compare listed ETags, by path hash, with the documents of a form type."""
    work = _COMPARE.get(connection.dialect.name, _compare_in_lists)
    return work(connection, form_type, etags)


def find(connection: Connection, form_type: str, hashes: Sequence[str]) -> dict[str, KnownDocument]:
    """The documents of a form type by path hash."""
    found: dict[str, KnownDocument] = {}
    for some in chunks(hashes):
        rows = connection.execute(
            select(document.c.path_hash, document.c.id, document.c.etag, document.c.outcome).where(
                document.c.form_type == form_type, document.c.path_hash.in_(some)
            )
        )
        found.update({row.path_hash: KnownDocument(row.id, row.etag, row.outcome) for row in rows})
    return found


def add(
    connection: Connection, form_type: str, refs: Mapping[str, tuple[BlobRef, Blob]], now: datetime
) -> None:
    """Insert new documents as pending; `refs` is keyed by path hash. A document that is there already, for
    another run listed it meanwhile, stays as it is."""
    rest = iter(refs.items())
    while some := dict(islice(rest, _ADDED_AT_ONCE)):
        _add(connection, form_type, some, now)


def _add(
    connection: Connection, form_type: str, refs: Mapping[str, tuple[BlobRef, Blob]], now: datetime
) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(_ADD_ARRAYS, _columns_of(form_type, refs, now))
        return
    statement = _ADD_SQLITE if connection.dialect.name == "sqlite" else _ADD_ABSENT
    connection.execute(statement, [_row(form_type, key, *found, now) for key, found in refs.items()])


def renew(connection: Connection, blobs: Mapping[int, Blob]) -> None:
    """Make documents pending again whose blob changed or came back. Whoever had claimed the old version no
    longer holds it. Done again, it leaves alone what another run has claimed or scored since."""
    if not blobs:
        return
    if connection.dialect.name == "postgresql":
        listed = {"ids": list(blobs), "etags": [blob.etag for blob in blobs.values()]}
        connection.execute(_RENEW_ARRAYS, listed | {"sizes": [blob.size for blob in blobs.values()]})
        return
    rows = [{"key": key, "b_etag": blob.etag, "b_size": blob.size} for key, blob in blobs.items()]
    connection.execute(_RENEW, rows)


def mark_gone(connection: Connection, ids: Iterable[int], now: datetime, *, reason: str = BLOB_GONE) -> None:
    """The blobs of these documents are no longer there: nobody holds them any more. Their values stay."""
    values = _GONE | {"reason": reason, "finished_at": now}
    for some in chunks(ids):
        connection.execute(update(document).where(document.c.id.in_(some)).values(values))


def highest_id(connection: Connection, form_type: str) -> int:
    """The id of the newest document of a form type, 0 where there is none."""
    newest = (_newest(connection, form_type, stage) for stage in STAGES)
    return max(newest, default=0)


def count(connection: Connection, form_type: str, up_to: int) -> int:
    """Documents of a form type with an id up to `up_to`, those that are gone among them."""
    mine = (document.c.form_type == form_type, document.c.id <= up_to)
    return connection.scalar(select(func.count()).select_from(document).where(*mine)) or 0


def ids_of(engine: Engine, form_type: str, up_to: int) -> Iterator[int]:
    """Ids up to `up_to` of the documents of a form type, those that are gone among them, streamed: along the
    index by stage, which holds them in order. One whose stage changes meanwhile may come twice or not. Those
    that a router handed on are none of the form type's own backlog, and do not come."""
    for stage in STAGES:
        last = 0
        page = partial(_ids_after, form_type=form_type, stage=stage, up_to=up_to)
        while ids := consult(engine, partial(page, after=last)):
            yield from ids
            last = ids[-1]


def not_gone(connection: Connection, ids: Iterable[int]) -> list[int]:
    """Those of these documents that are thought to exist."""
    found: list[int] = []
    for some in chunks(ids):
        found += connection.scalars(select(document.c.id).where(document.c.id.in_(some), _EXISTS)).all()
    return found


# --- comparing ------------------------------------------------------------------------------------


_SAME = "d.etag = coalesce(listed.value, '') AND (d.outcome IS NULL OR d.outcome <> 'gone')"
_DIFFERS = "d.id IS NULL OR d.etag <> coalesce(listed.value, '') OR d.outcome = 'gone'"

# The outer join makes SQLite go through the names and look each up; in one row, for the driver takes the
# interpreter's lock back after each row, from whoever lists meanwhile.
_SQLITE = f"""
SELECT group_concat(d.id) FILTER (WHERE {_SAME}),
       json_group_array(listed.key) FILTER (WHERE {_DIFFERS}),
       json_group_array(d.id) FILTER (WHERE {_DIFFERS})
FROM json_each(?) AS listed
LEFT JOIN document AS d ON d.form_type = ? AND d.path_hash = listed.key
"""

# The limit keeps the planner from reading the whole table for a batch of names. These come as one text, of
# which the driver need not look at every one.
_POSTGRESQL = f"""
SELECT array_agg(d.id) FILTER (WHERE {_SAME}),
       array_agg(listed.key) FILTER (WHERE {_DIFFERS}),
       array_agg(d.id) FILTER (WHERE {_DIFFERS})
FROM unnest(string_to_array(%(keys)s, chr(31)), string_to_array(%(etags)s, chr(31))) AS listed(key, value)
LEFT JOIN LATERAL (
  SELECT id, etag, outcome FROM document WHERE form_type = %(form_type)s AND path_hash = listed.key LIMIT 1
) AS d ON true
"""
_BETWEEN = "\x1f"
"""Between hashes or ETags, neither of which holds it: a header of HTTP has no such letter."""


def _compare_sqlite(connection: Connection, form_type: str, etags: Mapping[str, str]) -> Comparison:
    same, keys, ids = connection.exec_driver_sql(_SQLITE, (json.dumps(etags), form_type)).one()
    differing = dict(zip(json.loads(keys), json.loads(ids), strict=True))
    return Comparison([int(key) for key in same.split(",")] if same else (), differing)


def _compare_postgresql(connection: Connection, form_type: str, etags: Mapping[str, str]) -> Comparison:
    listed = {"keys": _BETWEEN.join(etags), "etags": _BETWEEN.join(etags.values()), "form_type": form_type}
    same, keys, ids = connection.exec_driver_sql(_POSTGRESQL, listed).one()
    return Comparison(same or (), dict(zip(keys or (), ids or (), strict=True)))


def _compare_in_lists(connection: Connection, form_type: str, etags: Mapping[str, str]) -> Comparison:
    known = find(connection, form_type, list(etags))
    same = {key for key, found in known.items() if found.etag == etags[key] and found.outcome != "gone"}
    differing = {key: known[key].id if key in known else None for key in etags if key not in same}
    return Comparison([known[key].id for key in same], differing)


_COMPARE: Mapping[str, Callable[[Connection, str, Mapping[str, str]], Comparison]] = {
    "sqlite": _compare_sqlite,
    "postgresql": _compare_postgresql,
}


# --- writing --------------------------------------------------------------------------------------

_ADDED = ("form_type", "account", "container", "path", "path_hash", "etag", "size", "first_seen_at")
_EXISTS = or_(document.c.outcome.is_(None), document.c.outcome != "gone")
_PENDING: dict[str, object] = {
    "stage": "pending",
    "claimed_by": None,
    "outcome": None,
    "attempts": 0,
    "next_try_at": None,
    "reason": None,
    "message": None,
    "content_hash": None,
}
_GONE: dict[str, object] = {
    "stage": "done",
    "claimed_by": None,
    "outcome": "gone",
    "message": "the blob is no longer in the backlog",
    "next_try_at": None,
}


def _row(form_type: str, key: str, ref: BlobRef, blob: Blob, now: datetime) -> dict[str, object]:
    given = (form_type, ref.account, ref.container, ref.path, key, blob.etag, blob.size, now)
    return dict(zip((f"b_{name}" for name in _ADDED), given, strict=True))


def _columns_of(form_type: str, refs: Mapping[str, tuple[BlobRef, Blob]], now: datetime) -> dict[str, object]:
    found = refs.values()
    return {
        "form_type": form_type,
        "now": now,
        "hashes": list(refs),
        "accounts": [ref.account for ref, _ in found],
        "containers": [ref.container for ref, _ in found],
        "paths": [ref.path for ref, _ in found],
        "etags": [blob.etag for _, blob in found],
        "sizes": [blob.size for _, blob in found],
    }


_ARRAYS = {"ids": BigInteger(), "sizes": BigInteger()}


def _unnested(**arrays: str) -> Any:
    """Array parameters as a table `listed`: its columns by the names of the parameters."""
    given = [
        bindparam(name, type_=postgresql.ARRAY(_ARRAYS.get(name, Unicode()))) for name in arrays.values()
    ]
    columns = [column(name, _ARRAYS.get(array, Unicode())) for name, array in arrays.items()]
    return func.unnest(*given).table_valued(*columns).render_derived(name="listed")


def _add_arrays() -> postgresql.Insert:
    listed = _unnested(
        account="accounts", container="containers", path="paths", hash="hashes", etag="etags", size="sizes"
    )
    form_type, now = bindparam("form_type", type_=Unicode()), bindparam("now", type_=UtcDateTime())
    of_listing = (listed.c[name] for name in ("account", "container", "path", "hash", "etag", "size"))
    rows = select(form_type, *of_listing, now)
    statement = postgresql.insert(document).from_select(_ADDED, rows)
    return statement.on_conflict_do_nothing(index_elements=_UNIQUE)


def _add_absent() -> Insert:
    """One row, where it is not there: also while another run adds the same."""
    mine = (
        document.c.form_type == bindparam("b_form_type"),
        document.c.path_hash == bindparam("b_path_hash"),
    )
    there = select(document.c.id).where(*mine).with_hint(document, "WITH (UPDLOCK, HOLDLOCK)", "mssql")
    given = (cast(bindparam(f"b_{name}"), document.c[name].type) for name in _ADDED)
    return insert(document).from_select(_ADDED, select(*given).where(~there.exists()))


def _renew_arrays() -> Update:
    listed = _unnested(id="ids", etag="etags", size="sizes")
    stale = or_(document.c.etag != listed.c.etag, document.c.outcome == "gone")
    return (
        update(document)
        .where(document.c.id == listed.c.id, stale)
        .values(_PENDING | {"etag": listed.c.etag, "size": listed.c.size})
    )


def _renew_rows() -> Update:
    stale = or_(document.c.etag != bindparam("b_etag"), document.c.outcome == "gone")
    changed: dict[str, object] = {"etag": bindparam("b_etag"), "size": bindparam("b_size")}
    return update(document).where(document.c.id == bindparam("key"), stale).values(_PENDING | changed)


_UNIQUE = ("form_type", "path_hash")
_ADD_ARRAYS, _ADD_ABSENT = _add_arrays(), _add_absent()
_ADD_SQLITE = (
    sqlite.insert(document)
    .values({name: bindparam(f"b_{name}") for name in _ADDED})
    .on_conflict_do_nothing(index_elements=_UNIQUE)
)
_RENEW_ARRAYS, _RENEW = _renew_arrays(), _renew_rows()


# --- walking --------------------------------------------------------------------------------------


def _newest(connection: Connection, form_type: str, stage: str) -> int:
    mine = (document.c.form_type == form_type, document.c.stage == stage)
    return connection.scalar(select(func.max(document.c.id)).where(*mine)) or 0


def _ids_after(
    connection: Connection, form_type: str, stage: str, up_to: int, *, after: int
) -> Sequence[int]:
    mine = (document.c.form_type == form_type, document.c.stage == stage, document.c.routed_from.is_(None))
    page = select(document.c.id).where(*mine, document.c.id > after, document.c.id <= up_to)
    return connection.scalars(page.order_by(document.c.id).limit(_PAGE)).all()
