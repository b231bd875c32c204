"""Compare the sinks beside SQL with it and, where that was asked for, make them equal again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from sqlalchemy import Connection, Engine

from pipeline.db import deliveries
from pipeline.db.transactions import transact
from pipeline.delivering.courier import Courier, DeliveryContext
from pipeline.errors import FormpipeError
from pipeline.orchestrator.leasing import LeaseTerms, held, sink_lease
from pipeline.ports import Sinks
from pipeline.reports.sink_verification import SinkDifference, compare
from pipeline.reports.verification import Counts, Difference
from pipeline.types import FormType

_SOME = 5_000


@dataclass(frozen=True, slots=True)
class Repaired:
    """What was done at a sink for one form type. `trouble`: why some of it was not."""

    form_type: str
    sink: str
    sent: int
    removed: int
    trouble: str | None = None


@dataclass(slots=True)
class SinkVerifier:
    """Differences of sinks; with lease `terms` they are mended too, and `repaired` says how. No run
    delivers for the row meanwhile: a form type has one writer to its sinks at a time."""

    database: Engine
    sinks: Sinks
    now: Callable[[], datetime]
    terms: LeaseTerms | None = None
    repaired: list[Repaired] = field(default_factory=list)

    def differences(self, rows: Sequence[FormType], counts: Counts) -> Iterator[Difference]:
        """Every difference as it is found; a row is mended once all of its are told."""
        for row in rows:
            for name in deliveries.further(row.sinks):
                for each in self._row(row, name, counts):
                    counts.differences += 1
                    yield each.difference

    def _row(self, row: FormType, name: str, counts: Counts) -> Iterator[SinkDifference]:
        if self.terms is None:
            yield from compare(self.database, self.sinks, name, row, counts)
            return
        try:
            with held(self.database, sink_lease(row.form_type), self.terms) as guard:
                yield from self._mended(row, name, counts, guard)
        except FormpipeError as error:
            self.repaired.append(Repaired(row.form_type, name, 0, 0, f"{error} ({error.reason})"))

    def _mended(
        self, row: FormType, name: str, counts: Counts, guard: Callable[[Connection], None]
    ) -> Iterator[SinkDifference]:
        found = compare(self.database, self.sinks, name, row, counts)
        mendable = removed = 0
        while some := list(islice(found, _SOME)):
            yield from some
            mendable += sum(each.mendable for each in some)
            removed += self._begin(row, name, some, guard)
        context = DeliveryContext(self.database, self.sinks, self.now, guard, lambda: False)
        courier = Courier(context, row)
        courier.send(only=name)
        troubles = courier.troubles()
        sent = courier.sent[name]
        if sent or removed or troubles:
            told = "; ".join(map(str, troubles)) or None
            self.repaired.append(Repaired(row.form_type, name, sent, removed, told))
        left = sum(trouble.documents for trouble in troubles)
        counts.mended += max(0, mendable - left)

    def _begin(
        self, row: FormType, name: str, some: Iterable[SinkDifference], guard: Callable[[Connection], None]
    ) -> int:
        """Queue what is to be sent, and take away what is left over; how many those were."""
        send = [each.document_id for each in some if each.document_id is not None]
        remove = [each.item_id for each in some if each.item_id is not None]
        if send:
            now = self.now()

            def queue(connection: Connection) -> None:
                guard(connection)
                deliveries.queue(connection, (name,), send, now)

            transact(self.database, queue)
        if remove:
            self.sinks.of(name).remove(row.form_type, remove)
        return len(remove)
