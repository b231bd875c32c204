"""Send what waits in the outbox of one form type. Killed in between, it is sent again under the same ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, Engine

from pipeline.db import deliveries
from pipeline.db.deliveries import Pending
from pipeline.db.transactions import consult, transact
from pipeline.delivering.items import build_items
from pipeline.errors import DocumentError, FormpipeError, place_of
from pipeline.ports import Sinks
from pipeline.types import FormType, SinkItem

_BATCH = 200


@dataclass(frozen=True, slots=True)
class DeliveryContext:
    """What deliveries are made with. `guard` is called in every writing transaction; once `stopping` says
    so, the rest waits for the next run."""

    database: Engine
    sinks: Sinks
    now: Callable[[], datetime]
    guard: Callable[[Connection], None]
    stopping: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a sink did not get `documents` of them. `lasting`: they are not sent again as they are."""

    sink: str
    reason: str
    message: str
    documents: int
    lasting: bool = False

    def __str__(self) -> str:
        number = "1 document" if self.documents == 1 else f"{self.documents} documents"
        if self.lasting:
            return f"{number} not in {self.sink} ({self.reason}): {self.message}"
        return f"{number} not yet in {self.sink} ({self.reason}): {self.message}; the next run sends them"


@dataclass(slots=True)
class _Refusals:
    documents: int = 0
    last: DocumentError | None = None


@dataclass(slots=True)
class Courier:
    """The deliveries of one row. A sink that failed is left alone until the row's end (`catch_up`)."""

    context: DeliveryContext
    row: FormType
    sent: Counter[str] = field(default_factory=Counter)
    _failed: dict[str, tuple[str, str]] = field(default_factory=dict)
    _refusals: dict[str, _Refusals] = field(default_factory=dict)

    def send(self, *, only: str | None = None) -> None:
        """Send everything that waits, or what waits for `only` this sink. What a sink does wrong is kept as
        trouble of it; raises RowError (`lease-lost`) and what the database raises."""
        for sink in deliveries.further(self.row.sinks):
            if sink not in self._failed and only in (None, sink):
                self._send(sink)

    def catch_up(self) -> None:
        """Queue what was never sent, or changed without being queued, and send everything; a sink that failed
        before is asked once more."""
        self._failed.clear()
        for sink in deliveries.further(self.row.sinks):
            missed = partial(deliveries.queue_missed, form_type=self.row.form_type, sink=sink)
            self._write(partial(missed, now=self.context.now()))
        self.send()

    def _write(self, work: Callable[[Connection], None]) -> None:
        """Safe to do twice: it sets states, by document; at worst an attempt that failed is counted twice."""

        def guarded(connection: Connection) -> None:
            self.context.guard(connection)
            work(connection)

        transact(self.context.database, guarded)

    def troubles(self) -> list[Trouble]:
        """What went wrong so far, by sink."""
        found = []
        for sink, refusals in self._refusals.items():
            error = refusals.last
            if error is not None:
                found.append(Trouble(sink, error.reason, str(error), refusals.documents, lasting=True))
        for sink, (reason, message) in self._failed.items():
            count = partial(deliveries.count_pending, form_type=self.row.form_type, sink=sink)
            left = consult(self.context.database, count)
            found += [Trouble(sink, reason, message, left)] if left else []
        return found

    def _send(self, sink: str) -> None:
        after = 0
        while not self.context.stopping() and (batch := self._batch(sink, after)):
            after = batch[-1].document_id
            keys = [each.document_id for each in batch]
            items = consult(self.context.database, partial(build_items, document_ids=keys))
            try:
                refused = self._put(sink, batch, items)
            except Exception as error:
                self._fail(sink, batch, error)
                return
            self._note(sink, batch, items, refused)

    def _batch(self, sink: str, after: int) -> list[Pending]:
        form_type = self.row.form_type
        query = partial(deliveries.pending, form_type=form_type, sink=sink, after=after, limit=_BATCH)
        return consult(self.context.database, query)

    def _put(
        self, name: str, batch: Sequence[Pending], items: Mapping[int, SinkItem]
    ) -> Mapping[str, DocumentError]:
        sink = self.context.sinks.of(name)
        refused = sink.put(self.row.form_type, list(items.values()), replaced_ids(batch, items))
        outdated = [each.item_id for each in batch if each.item_id in refused]
        if outdated:
            sink.remove(self.row.form_type, [key for key in outdated if key])
        return refused

    def _note(
        self,
        sink: str,
        batch: Sequence[Pending],
        items: Mapping[int, SinkItem],
        refused: Mapping[str, DocumentError],
    ) -> None:
        errors = {key: refused[item.id] for key, item in items.items() if item.id in refused}
        sent = [(each, _id(items, each)) for each in batch if each.document_id not in errors]
        failed = [(each, errors[each.document_id].reason) for each in batch if each.document_id in errors]
        now = self.context.now()

        def work(connection: Connection) -> None:
            deliveries.delivered(connection, sink, sent, now)
            deliveries.refused(connection, sink, failed)

        self._write(work)
        self.sent[sink] += len(sent)
        if errors:
            known = self._refusals.setdefault(sink, _Refusals())
            known.documents += len(errors)
            known.last = next(iter(errors.values()))

    def _fail(self, sink: str, batch: Sequence[Pending], error: Exception) -> None:
        """Anything unnamed is a bug, and costs no more than these deliveries."""
        if isinstance(error, FormpipeError):
            reason, message = error.reason, str(error)
        else:
            reason = "unexpected-error"
            message = f"a bug: {type(error).__name__} at {place_of(error)}; please report it"
        self._failed[sink] = (reason, message)
        keys = [each.document_id for each in batch]
        self._write(lambda connection: deliveries.attempted(connection, sink, keys, reason))


def replaced_ids(batch: Sequence[Pending], items: Mapping[int, SinkItem]) -> list[str]:
    """The ids under which the sink has these documents from before, where they are others now or none."""
    return [each.item_id for each in batch if each.item_id and each.item_id != _id(items, each)]


def _id(items: Mapping[int, SinkItem], each: Pending) -> str | None:
    item = items.get(each.document_id)
    return item.id if item else None
