"""Bring the `document` table up to date with a backlog listing, in bounded batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice

from sqlalchemy import Connection, Engine

from pipeline.db import documents, forgetting
from pipeline.db.transactions import consult, transact
from pipeline.ports import Storage
from pipeline.types import Blob, BlobRef, FormType

_BATCH = 1000
_COMPANIONS = (".ocr.json", ".labels.json")


@dataclass(slots=True)
class BacklogChanges:
    """What a listing says against what is known. `ignored`: label and layout files beside documents;
    `forgotten`: blobs whose document was forgotten, and that did not change since."""

    listed: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    gone: int = 0
    ignored: int = 0
    forgotten: int = 0


def is_companion(path: str) -> bool:
    """A file that belongs to a training document and is no document itself."""
    return path.endswith(_COMPANIONS) or path.rsplit("/", 1)[-1] == "fields.json"


def compare(database: Engine, storage: Storage, row: FormType) -> BacklogChanges:
    """What `synchronise` would change; nothing is written."""
    listing = _Listing(database, storage, row)
    for _ in listing.batches():
        pass
    listing.changes.gone = sum(1 for _ in listing.missing())
    return listing.changes


def synchronise(
    database: Engine,
    storage: Storage,
    row: FormType,
    *,
    now: Callable[[], datetime],
    guard: Callable[[Connection], None],
) -> BacklogChanges:
    """Add new documents, renew changed ones, mark missing ones as gone. `guard` is called in every
    writing transaction and raises when this run may no longer write."""
    listing = _Listing(database, storage, row)
    for batch in listing.batches():
        if batch.new or batch.changed:
            transact(database, partial(_write, batch=batch, row=row, now=now(), guard=guard))
    gone = list(listing.missing())
    if gone:
        transact(database, partial(_write_gone, gone=gone, now=now(), guard=guard))
    listing.changes.gone = len(gone)
    return listing.changes


def _write(
    connection: Connection, batch: _Batch, row: FormType, now: datetime, guard: Callable[[Connection], None]
) -> None:
    """Safe to do twice: what is there already is not added again, the rest sets what the listing said. No
    document of the batch is scored before this returns."""
    guard(connection)
    forgetting.exhume(connection, row.form_type, batch.exhumed)
    there = documents.find(connection, row.form_type, list(batch.new))
    new = {key: blob for key, blob in batch.new.items() if key not in there}
    documents.add(connection, row.form_type, new, now)
    documents.renew(connection, batch.changed)


def _write_gone(
    connection: Connection, gone: list[int], now: datetime, guard: Callable[[Connection], None]
) -> None:
    """Safe to do twice: it sets one state."""
    guard(connection)
    documents.mark_gone(connection, gone, now)


@dataclass(slots=True)
class _Batch:
    new: dict[str, tuple[BlobRef, Blob]]
    changed: dict[int, Blob]
    exhumed: tuple[str, ...] = ()
    forgotten: int = 0


class _Listing:
    """One pass over a backlog, compared with the database batch by batch."""

    def __init__(self, database: Engine, storage: Storage, row: FormType) -> None:
        self._database = database
        self._storage = storage
        self._row = row
        self._seen: set[int] = set()
        self._newest = consult(database, partial(documents.highest_id, form_type=row.form_type))
        self.changes = BacklogChanges()

    def batches(self) -> Iterator[_Batch]:
        blobs = self._blobs()
        while some := list(islice(blobs, _BATCH)):
            yield self._sort_out(some)

    def missing(self) -> Iterator[int]:
        """Documents of the database that the listing did not hold; call it after the last batch."""
        known = documents.ids_of(self._database, self._row.form_type, self._newest)
        return (key for key in known if key not in self._seen)

    def _blobs(self) -> Iterator[Blob]:
        for blob in self._storage.list(self._row.scoring_container, self._row.scoring_folder):
            if is_companion(blob.path):
                self.changes.ignored += 1
            else:
                yield blob

    def _sort_out(self, blobs: Sequence[Blob]) -> _Batch:
        refs = {}
        for blob in blobs:
            ref = BlobRef(self._storage.account, self._row.scoring_container, blob.path, blob.etag)
            refs[documents.path_hash(ref)] = (ref, blob)
        name = self._row.form_type
        known = consult(self._database, partial(documents.find, form_type=name, hashes=list(refs)))
        unknown = [key for key in refs if key not in known]
        buried = consult(self._database, lambda connection: forgetting.etags(connection, name, unknown))
        new = {key: refs[key] for key in unknown if buried.get(key) != refs[key][1].etag}
        exhumed = tuple(key for key in buried if key in new)
        batch = _Batch(new, {}, exhumed, len(unknown) - len(new))
        for key, document in known.items():
            self._seen.add(document.id)
            blob = refs[key][1]
            if blob.etag != document.etag or document.outcome == "gone":
                batch.changed[document.id] = blob
        self._count(batch, len(blobs))
        return batch

    def _count(self, batch: _Batch, listed: int) -> None:
        self.changes.listed += listed
        self.changes.new += len(batch.new)
        self.changes.changed += len(batch.changed)
        self.changes.forgotten += batch.forgotten
        self.changes.unchanged += listed - len(batch.new) - len(batch.changed) - batch.forgotten
