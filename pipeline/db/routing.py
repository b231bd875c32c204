"""Statements that hand documents of a router on to form types, and take them away again. Each function works
inside the caller's transaction.

A document that was handed on is a row of its form type like any other, with the blob of the router's document
and its id (`routed_from`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Insert,
    Row,
    Update,
    bindparam,
    cast,
    delete,
    exists,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.db import forgetting, operations, targets
from pipeline.db.chunks import chunks
from pipeline.db.documents import path_hash
from pipeline.db.tables import delivery, document, field_value, form_type, part
from pipeline.texts import CLASS
from pipeline.types import BacklogDocument

ELSEWHERE = "routed-elsewhere"
"""The reason of documents that their form type no longer has."""
UNKNOWN = "no-such-form-type"
"""The reason of documents whose class names no form type that is on."""


@dataclass(frozen=True, slots=True)
class Leg:
    """Where a document goes, or its pages from the first to the last."""

    form_type: str
    pages: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Routed:
    """A document that was handed on."""

    id: int
    form_type: str
    path_hash: str
    routed_from: int
    pages: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A document that is to be there. `key`: its form type and path hash."""

    source: BacklogDocument
    leg: Leg
    key: tuple[str, str]


def hand_on(connection: Connection, legs: Mapping[BacklogDocument, Sequence[Leg]], now: datetime) -> int:
    """Let each of these documents of a router be where its legs lead and nowhere else, pending where it is
    new there or its blob changed; how many documents that is. What it was elsewhere has no values any more.
    One that was forgotten and did not change since is not made again. Done again, it does nothing."""
    wanted = [
        _Wanted(source, leg, (leg.form_type, path_hash(source.ref, leg.pages)))
        for source, some in legs.items()
        for leg in some
    ]
    keys = {each.key for each in wanted}
    there = routed_from(connection, [source.id for source in legs])
    take_away(connection, [each.id for each in there if (each.form_type, each.path_hash) not in keys], now)
    buried = _buried(connection, wanted)
    made = [each for each in wanted if each.key not in buried]
    for each in made:
        connection.execute(_ADD[_dialect(connection)], _row(each, now))
        connection.execute(_ADOPT, _again(each))
        connection.execute(_RENEW, _again(each))
    return len(made)


def routed_from(connection: Connection, ids: Iterable[int]) -> list[Routed]:
    """The documents that are where these of a router were handed on to, those that are gone not among
    them."""
    found: list[Routed] = []
    for some in chunks(ids):
        query = (
            select(document)
            .where(
                document.c.routed_from.in_(some),
                _THERE,
            )
            .order_by(document.c.id)
        )
        found += [_routed(row) for row in connection.execute(query)]
    return found


def take_away(connection: Connection, ids: Collection[int], now: datetime) -> None:
    """These documents leave their form type: their values go, whoever holds them no longer does, and the
    sinks they are in are told. Raises RowError (`target-table-refused`)."""
    tables = {
        row[0]: row[1] for row in connection.execute(select(form_type.c.form_type, form_type.c.target_table))
    }
    for some in chunks(sorted(ids)):
        left = update(document).where(document.c.id.in_(some))
        connection.execute(left.values(_LEFT | {"finished_at": now}))
        connection.execute(delete(part).where(part.c.document_id.in_(some)))
        operations.finish_of_documents(connection, some, now)
        for name, keys in _by_form_type(connection, some).items():
            targets.remove(connection, tables.get(name), keys)
        connection.execute(
            update(delivery).where(delivery.c.document_id.in_(some)).values(_TOLD | {"queued_at": now})
        )


def follow_gone(connection: Connection, ids: Iterable[int], now: datetime, reason: str) -> None:
    """The blobs of these documents of a router are gone, and with them what was handed on. Values stay: the
    policy of their own form type says what becomes of them."""
    for some in chunks(ids):
        gone = update(document).where(document.c.routed_from.in_(some), _THERE)
        connection.execute(gone.values(_GONE | {"reason": reason, "finished_at": now}))


def routers_of(connection: Connection, ids: Iterable[int]) -> dict[int, str]:
    """The form types of these documents of routers, by id; a forgotten one has none."""
    found: dict[int, str] = {}
    for some in chunks(ids):
        rows = connection.execute(select(document.c.id, document.c.form_type).where(document.c.id.in_(some)))
        found.update({row.id: row.form_type for row in rows})
    return found


def reset_unknown(connection: Connection, router: str, targets: Collection[str]) -> None:
    """Make documents of a router pending again that wait because the class they have was no form type, and is
    one of `targets` now. Done again, it finds none."""
    for some in chunks(sorted(targets)):
        named = exists().where(
            part.c.document_id == document.c.id,
            field_value.c.part_id == part.c.id,
            field_value.c.field == CLASS,
            field_value.c.occurrence == 0,
            field_value.c.text.in_(some),
        )
        waiting = (document.c.form_type == router, document.c.outcome == "unrouted")
        unknown = document.c.reason == UNKNOWN
        connection.execute(update(document).where(*waiting, unknown, named).values(_AGAIN))


def _buried(connection: Connection, wanted: Iterable[_Wanted]) -> set[tuple[str, str]]:
    """The keys of those that were forgotten and did not change since; the tombstones of the others go."""
    by_type: dict[str, dict[str, str | None]] = defaultdict(dict)
    for each in wanted:
        by_type[each.leg.form_type][each.key[1]] = each.source.ref.etag
    buried: set[tuple[str, str]] = set()
    for name, etags in by_type.items():
        known = forgetting.etags(connection, name, list(etags))
        forgetting.exhume(connection, name, [key for key, etag in known.items() if etag != etags[key]])
        buried |= {(name, key) for key, etag in known.items() if etag == etags[key]}
    return buried


def _by_form_type(connection: Connection, ids: Sequence[int]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for row in connection.execute(select(document.c.form_type, document.c.id).where(document.c.id.in_(ids))):
        found[row.form_type].append(row.id)
    return found


def _routed(row: Row[Any]) -> Routed:
    pages = None if row.first_page is None else (row.first_page, row.last_page)
    return Routed(row.id, row.form_type, row.path_hash, row.routed_from, pages)


_THERE = or_(document.c.outcome.is_(None), document.c.outcome != "gone")
_LEFT: dict[str, object] = {
    "stage": "done",
    "claimed_by": None,
    "outcome": "gone",
    "reason": ELSEWHERE,
    "message": "its router handed it on to another form type, or to none",
    "next_try_at": None,
}
_GONE: dict[str, object] = {
    "stage": "done",
    "claimed_by": None,
    "outcome": "gone",
    "message": "the blob is no longer in the backlog of its router",
    "next_try_at": None,
}
_TOLD: dict[str, object] = {"state": "pending", "attempts": 0, "reason": None}
_AGAIN: dict[str, object] = {
    "stage": "pending",
    "claimed_by": None,
    "outcome": None,
    "attempts": 0,
    "next_try_at": None,
    "reason": None,
    "message": None,
    "content_hash": None,
}
_ADDED = (
    "form_type", "account", "container", "path", "path_hash", "etag", "size", "first_seen_at", "routed_from",
    "first_page", "last_page",
)  # fmt: skip


def _row(each: _Wanted, now: datetime) -> dict[str, object]:
    source, ref, pages = each.source, each.source.ref, each.leg.pages or (None, None)
    given = (
        *(each.leg.form_type, ref.account, ref.container, ref.path, each.key[1], ref.etag or "", source.size),
        *(now, source.id, *pages),
    )
    return dict(zip((f"b_{name}" for name in _ADDED), given, strict=True))


def _again(each: _Wanted) -> dict[str, object]:
    name, key = each.key
    of_source = {
        "b_routed_from": each.source.id,
        "b_etag": each.source.ref.etag or "",
        "b_size": each.source.size,
    }
    return {"b_form_type": name, "b_path_hash": key, **of_source}


_MINE = (document.c.form_type == bindparam("b_form_type"), document.c.path_hash == bindparam("b_path_hash"))


def _add_absent() -> Insert:
    """Where it is not there, also while another run adds the same; a blob that is in the form type's own
    backlog stays its own."""
    there = select(document.c.id).where(*_MINE).with_hint(document, "WITH (UPDLOCK, HOLDLOCK)", "mssql")
    given = (cast(bindparam(f"b_{name}"), document.c[name].type) for name in _ADDED)
    return insert(document).from_select(_ADDED, select(*given).where(~there.exists()))


def _dialect(connection: Connection) -> str:
    name = connection.dialect.name
    return name if name in _ADD else "mssql"


_GIVEN = {name: bindparam(f"b_{name}", type_=document.c[name].type) for name in _ADDED}
_ADD: Mapping[str, Insert] = {
    "mssql": _add_absent(),
    "sqlite": sqlite.insert(document).values(_GIVEN).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(document).values(_GIVEN).on_conflict_do_nothing(),
}


def _changed() -> Update:
    stale = or_(document.c.etag != bindparam("b_etag"), document.c.outcome == "gone")
    routed = document.c.routed_from.is_not(None)
    values = _AGAIN | {"etag": bindparam("b_etag"), "size": bindparam("b_size")}
    return update(document).where(*_MINE, routed, stale).values(values)


_ADOPT = (
    update(document)
    .where(*_MINE, document.c.routed_from.is_not(None), document.c.routed_from != bindparam("b_routed_from"))
    .values(routed_from=bindparam("b_routed_from"))
)
"""One that the router's document of an earlier time was handed on as: that one was forgotten."""
_RENEW = _changed()
