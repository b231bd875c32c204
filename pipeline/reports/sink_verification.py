"""Do the sinks beside SQL hold what SQL says, no less, no more and nothing else? Reads only.

The keys of a sink come in any order and there may be millions: they are kept in a temporary file, and the
documents are gone through in pages by id.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from sqlalchemy import Engine, select

from pipeline.db import deliveries
from pipeline.db.connection import reading
from pipeline.db.deliveries import Standing
from pipeline.db.tables import document
from pipeline.delivering.items import build_items
from pipeline.errors import FormpipeError
from pipeline.ports import Sinks
from pipeline.reports.verification import Counts, Difference, Kind
from pipeline.types import FormType, SinkItem

PAGE = 500
_SENDS = "`formpipe verify --repair` sends it again"
_UNKNOWN = Standing("", None, None)


@dataclass(frozen=True, slots=True)
class SinkDifference:
    """A difference and what mends it: a document to send, or an item to take away; neither where the sink
    cannot be looked into."""

    difference: Difference
    document_id: int | None = None
    item_id: str | None = None

    @property
    def mendable(self) -> bool:
        return self.document_id is not None or self.item_id is not None


def compare(
    database: Engine, sinks: Sinks, name: str, row: FormType, counts: Counts
) -> Iterator[SinkDifference]:
    """Every difference between SQL and one sink of a row, as it is found; `counts` grows meanwhile."""
    with closing(_Keys()) as keys:
        try:
            keys.fill(sinks.of(name).keys(row.form_type))
        except FormpipeError as error:
            yield SinkDifference(_said("sink-unreadable", row, name, f"{error} ({error.reason})"))
            return
        counts.items += keys.count()
        for page in _pages(database, row.form_type, name):
            yield from _differing(page, keys, row, name)
        for item in keys.unseen():
            message = f"{name} has an item of no document: `formpipe verify --repair` takes it away"
            yield SinkDifference(_said("sink-left-over", row, item, message), item_id=item)


@dataclass(frozen=True, slots=True)
class _Page:
    """Some documents by id: their paths, the items of those that have one, where they stand at the sink, and
    which of them wait for being scored."""

    paths: Mapping[int, str]
    items: Mapping[int, SinkItem]
    standings: Mapping[int, Standing]
    waiting: frozenset[int]


def _pages(database: Engine, form_type: str, sink: str) -> Iterator[_Page]:
    last = 0
    while True:
        with reading(database) as connection:
            rows = connection.execute(
                select(document.c.id, document.c.path, document.c.stage)
                .where(document.c.form_type == form_type, document.c.id > last)
                .order_by(document.c.id)
                .limit(PAGE)
            ).all()
            paths = {row.id: row.path for row in rows}
            items = build_items(connection, list(paths))
            standings = deliveries.standings(connection, sink, list(paths))
        if not rows:
            return
        yield _Page(paths, items, standings, frozenset(row.id for row in rows if row.stage != "done"))
        last = rows[-1].id


def _differing(page: _Page, keys: _Keys, row: FormType, name: str) -> Iterator[SinkDifference]:
    there = keys.digests([item.id for item in page.items.values()])
    keys.see([each.item_id for key, each in page.standings.items() if key in page.waiting and each.item_id])
    for key, item in page.items.items():
        kind = _kind(there.get(item.id), item)
        if kind is not None:
            message = _message(kind, name, page.standings.get(key, _UNKNOWN))
            yield SinkDifference(_said(kind, row, page.paths[key], message), document_id=key)


def _kind(digest: str | None, item: SinkItem) -> Kind | None:
    if digest is None:
        return "sink-missing"
    return None if digest == item.digest else "sink-stale"


def _message(kind: Kind, name: str, standing: Standing) -> str:
    if standing.state == "failed":
        return f"{name} could not take it ({standing.reason})"
    if kind == "sink-stale":
        return f"{name} has other values than SQL: {_SENDS}"
    if standing.state == "pending":
        why = f" ({standing.reason})" if standing.reason else ""
        return f"not yet in {name}{why}: the next run sends it"
    return f"not in {name}: {_SENDS}"


def _said(kind: Kind, row: FormType, path: str, message: str) -> Difference:
    return Difference(kind, row.form_type, path, message)


class _Keys:
    """What a sink holds: digests by id, and which of them SQL knows of. In a temporary file."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("")
        self._file.execute(
            "CREATE TABLE held (id TEXT PRIMARY KEY, digest TEXT, seen INTEGER DEFAULT 0) WITHOUT ROWID"
        )

    def fill(self, keys: Iterable[tuple[str, str]]) -> None:
        self._file.executemany("INSERT OR REPLACE INTO held (id, digest) VALUES (?, ?)", keys)

    def count(self) -> int:
        return int(self._file.execute("SELECT count(*) FROM held").fetchone()[0])

    def digests(self, ids: Sequence[str]) -> dict[str, str]:
        """The digests of those that are there; they count as seen."""
        self.see(ids)
        marks = ", ".join("?" * len(ids))
        return dict(self._file.execute(f"SELECT id, digest FROM held WHERE id IN ({marks})", ids))

    def see(self, ids: Sequence[str]) -> None:
        self._file.executemany("UPDATE held SET seen = 1 WHERE id = ?", [(each,) for each in ids])

    def unseen(self) -> Iterator[str]:
        return (row[0] for row in self._file.execute("SELECT id FROM held WHERE seen = 0"))

    def close(self) -> None:
        self._file.close()
