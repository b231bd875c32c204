"""Bring the `document` table up to date with a backlog listing, in bounded batches."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice
from typing import TypeVar

from sqlalchemy import Connection, Engine

from pipeline.db import forgetting, listings, routing
from pipeline.db.documents import hasher
from pipeline.db.gone import BLOB_GONE
from pipeline.db.transactions import consult, transact
from pipeline.ports import Storage
from pipeline.types import Blob, BlobRef, FormType

_BATCH = 20_000
_COMPANIONS = (".ocr.json", ".labels.json")

MANY, SHARE = 10, 0.5
"""More than this share of the documents, and at least so many, do not leave a backlog by and by: that is a
wrong folder or container, or a share that is not mounted."""
VANISHED = "backlog-vanished"

Item = TypeVar("Item")


@dataclass(slots=True)
class BacklogChanges:
    """What a listing says against what is known. `ignored`: label and layout files beside documents;
    `forgotten`: blobs whose document was forgotten, and that did not change since; `vanished`: so much is
    gone at once that values are kept which the policy would have removed."""

    listed: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    gone: int = 0
    ignored: int = 0
    forgotten: int = 0
    vanished: bool = False

    @property
    def told(self) -> str:
        """What a person must know of it; empty where there is nothing."""
        if not self.vanished:
            return ""
        known = self.gone + self.changed + self.unchanged
        return (
            f"{VANISHED}: {self.gone} of {known} documents left the backlog at once; their values are "
            "kept: look at the row's container and folder (docs/parameters.md)"
        )


def is_companion(path: str) -> bool:
    """A file that belongs to a training document and is no document itself."""
    return path.endswith(".json") and _is_companion(path)


def _is_companion(path: str) -> bool:
    return path.endswith(_COMPANIONS) or path.rsplit("/", 1)[-1] == "fields.json"


def compare(database: Engine, storage: Storage, row: FormType) -> BacklogChanges:
    """What `synchronise` would change; nothing is written."""
    listing = _Listing(database, storage, row)
    with closing(listing.batches()) as batches:
        for _ in batches:
            pass
    for some in listing.missing():
        listing.changes.gone += len(some)
    return listing.changes


def synchronise(
    database: Engine,
    storage: Storage,
    row: FormType,
    *,
    now: Callable[[], datetime],
    guard: Callable[[Connection], None],
    stopping: Callable[[], bool] = lambda: False,
) -> BacklogChanges:
    """Add new documents, renew changed ones, mark missing ones as gone; the latter only after the whole
    listing. `guard` is called in every writing transaction and raises when this run may no longer write. Once
    `stopping` says so, what was listed until then counts, and nothing is marked.

    Raises what the storage raises where the listing cannot go on."""
    listing = _Listing(database, storage, row)
    with closing(listing.batches()) as batches:
        for batch in batches:
            if batch.new or batch.changed:
                transact(database, partial(_write, batch=batch, row=row, now=now(), guard=guard))
            if stopping():
                return listing.changes
    _mark_missing(database, listing, row, now, guard)
    return listing.changes


def _mark_missing(
    database: Engine,
    listing: _Listing,
    row: FormType,
    now: Callable[[], datetime],
    guard: Callable[[Connection], None],
) -> None:
    """Where values are to be removed, what is missing is counted before anything is marked: the reason says
    whether they may be."""
    if row.on_gone == "remove":
        counted = sum(len(some) for some in listing.missing())
        listing.changes.vanished = _vanished(counted, listing.changes)
    reason = VANISHED if listing.changes.vanished else BLOB_GONE
    for some in listing.missing():
        transact(database, partial(_write_gone, gone=some, now=now(), guard=guard, reason=reason))
        listing.changes.gone += len(some)


def _vanished(gone: int, changes: BacklogChanges) -> bool:
    known = gone + changes.changed + changes.unchanged
    return gone >= MANY and gone > SHARE * known


def _write(
    connection: Connection, batch: _Batch, row: FormType, now: datetime, guard: Callable[[Connection], None]
) -> None:
    """Safe to do twice: what is there already is not added again, what is renewed already is left alone."""
    guard(connection)
    forgetting.exhume(connection, row.form_type, batch.exhumed)
    listings.add(connection, row.form_type, batch.new, now)
    listings.renew(connection, batch.changed)


def _write_gone(
    connection: Connection,
    gone: list[int],
    now: datetime,
    guard: Callable[[Connection], None],
    reason: str,
) -> None:
    """Safe to do twice: it sets one state."""
    guard(connection)
    listings.mark_gone(connection, gone, now, reason=reason)
    routing.follow_gone(connection, gone, now, reason)


@dataclass(slots=True)
class _Batch:
    new: dict[str, tuple[BlobRef, Blob]] = field(default_factory=dict)
    changed: dict[int, Blob] = field(default_factory=dict)
    exhumed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Names:
    """A part of a listing: blobs by the hash of their path, and how many companions were between them."""

    blobs: dict[str, Blob]
    ignored: int


class _Seen:
    """Ids in a field of bits: ten million take little more than a megabyte."""

    def __init__(self, highest: int) -> None:
        self._highest = highest
        self._bits = bytearray(highest // 8 + 1)
        self.count = 0

    def add(self, ids: list[int]) -> None:
        bits, highest = self._bits, self._highest
        for key in ids:
            if key <= highest and not bits[key >> 3] & 1 << (key & 7):
                bits[key >> 3] |= 1 << (key & 7)
                self.count += 1

    def lacks(self, key: int) -> bool:
        return not self._bits[key >> 3] & 1 << (key & 7)


class _Listing:
    """One pass over a backlog, compared with the database batch by batch."""

    def __init__(self, database: Engine, storage: Storage, row: FormType) -> None:
        self._database = database
        self._storage = storage
        self._row = row
        self._newest = self._consult(listings.highest_id)
        self._buried = self._consult(forgetting.any_of)
        self._seen = _Seen(self._newest)
        self.changes = BacklogChanges()

    def batches(self) -> Generator[_Batch, None, None]:
        """While one part is compared, the next is listed."""
        with closing(ahead(self._names())) as parts:
            for names in parts:
                self.changes.ignored += names.ignored
                yield self._sort_out(names.blobs)

    def missing(self) -> Iterator[list[int]]:
        """Documents of the database that the listing did not hold, some at a time; call it after the last
        batch. What is marked as gone meanwhile does not come again."""
        known = self._consult(partial(listings.count, up_to=self._newest))
        if self._seen.count >= known:
            return
        ids = listings.ids_of(self._database, self._row.form_type, self._newest)
        unseen = (key for key in ids if self._seen.lacks(key))
        while some := list(islice(unseen, _BATCH)):
            there = consult(self._database, partial(listings.not_gone, ids=some))
            if there:
                yield there

    def _consult(self, query: Callable[..., int]) -> int:
        return consult(self._database, partial(query, form_type=self._row.form_type))

    def _names(self) -> Iterator[_Names]:
        row = self._row
        key_of = hasher(self._storage.account, row.scoring_container)
        blobs = self._storage.list(row.scoring_container, row.scoring_folder)
        while some := list(islice(blobs, _BATCH)):
            taken = [blob for blob in some if not is_companion(blob.path)]
            yield _Names({key_of(blob.path): blob for blob in taken}, len(some) - len(taken))

    def _sort_out(self, blobs: dict[str, Blob]) -> _Batch:
        name = self._row.form_type
        etags = {key: blob.etag for key, blob in blobs.items()}
        found = consult(self._database, partial(listings.compare, form_type=name, etags=etags))
        batch = _Batch()
        unknown = []
        for key, document_id in found.differing.items():
            if document_id is None:
                unknown.append(key)
            else:
                batch.changed[document_id] = blobs[key]
        self._seen.add([*found.same, *batch.changed])
        self._take_new(batch, unknown, blobs)
        self.changes.listed += len(blobs)
        self.changes.changed += len(batch.changed)
        self.changes.unchanged += len(found.same)
        return batch

    def _take_new(self, batch: _Batch, unknown: list[str], blobs: dict[str, Blob]) -> None:
        """What is not known is new, unless it was forgotten and did not change since."""
        name, container = self._row.form_type, self._row.scoring_container
        buried: dict[str, str] = {}
        if self._buried and unknown:
            buried = consult(self._database, lambda connection: forgetting.etags(connection, name, unknown))
        for key in unknown:
            blob = blobs[key]
            if buried.get(key) != blob.etag:
                ref = BlobRef(self._storage.account, container, blob.path, blob.etag)
                batch.new[key] = (ref, blob)
        batch.exhumed = tuple(key for key in buried if key in batch.new)
        self.changes.new += len(batch.new)
        self.changes.forgotten += len(unknown) - len(batch.new)


def ahead(items: Iterator[Item]) -> Generator[Item, None, None]:
    """The same items; while one is worked on, a thread gets the next."""
    with ThreadPoolExecutor(1, "listing") as pool:
        coming = pool.submit(_next, items)
        while found := coming.result():
            coming = pool.submit(_next, items)
            yield found[0]


def _next(items: Iterator[Item]) -> tuple[Item] | None:
    for item in items:
        return (item,)
    return None
