"""Texts on their way into requests: how many go together, and how long they wait for each other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import wait
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from pipeline.formats.pieces import Piece, pieces
from pipeline.operations.lanes import Lane
from pipeline.scoring.document import ScoreTask
from pipeline.scoring.spending import Reservation
from pipeline.scoring.text_staging import StagedText
from pipeline.wire.language.batches import CHARACTERS, DOCUMENTS

RECORD = 1000
"""Characters of a text record, by which texts are paid (CONTRACTS 4.6)."""

Item = TypeVar("Item")
_END = object()


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A document whose text is ready to be sent. `reserved`: what was set aside for it, None where an earlier
    run has paid. `began` by `time.perf_counter`."""

    task: ScoreTask
    staged: StagedText
    reserved: Reservation | None = None
    began: float = 0.0

    @property
    def operation_id(self) -> int | None:
        """The operation that has it already."""
        return self.task.operation.id if self.task.operation else None

    @property
    def request_id(self) -> str:
        """What it is called in a request, the same in every run."""
        return str(self.task.document.id)


@dataclass(slots=True)
class _Group:
    since: float
    entries: list[Entry] = field(default_factory=list)
    units: int = 0


class Filling:
    """Requests that are being filled: one of new texts, and one for each operation that an earlier run began,
    whose texts are asked for together. A request goes when it is full, or when its first text has waited for
    `linger` seconds."""

    def __init__(self, linger: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._linger = linger
        self._clock = clock
        self._groups: dict[int | None, _Group] = {}

    def add(self, entry: Entry) -> Iterator[tuple[Entry, ...]]:
        """Take a text in; what goes because of it."""
        key, units = entry.operation_id, entry.staged.units
        group = self._groups.get(key)
        if group and key is None and not _fits(group, units):
            yield self._go(key)
            group = None
        if group is None:
            group = self._groups[key] = _Group(self._clock())
        group.entries.append(entry)
        group.units += units
        if key is None and not _fits(group, 1):
            yield self._go(key)

    def due(self) -> Iterator[tuple[Entry, ...]]:
        """What has waited long enough."""
        for key, group in list(self._groups.items()):
            if self._clock() >= group.since + self._linger:
                yield self._go(key)

    def rest(self) -> Iterator[tuple[Entry, ...]]:
        for key in list(self._groups):
            yield self._go(key)

    def left(self) -> float | None:
        """Seconds until something has waited long enough; None where nothing waits."""
        if not self._groups:
            return None
        first = min(group.since for group in self._groups.values())
        return max(first + self._linger - self._clock(), 0.0)

    def _go(self, key: int | None) -> tuple[Entry, ...]:
        return tuple(self._groups.pop(key).entries)


def _fits(group: _Group, units: int) -> bool:
    return len(group.entries) < DOCUMENTS and group.units + units <= CHARACTERS


def halves(entries: Sequence[Entry]) -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
    """Two requests of one that was refused because of one of its texts."""
    middle = len(entries) // 2
    return tuple(entries[:middle]), tuple(entries[middle:])


def cut(text: str, units: int) -> tuple[Piece, ...]:
    """A text of so many UTF-16 units in pieces that are each no longer than a request may be: as if all its
    characters of two units were in every piece, or all of a piece were such."""
    return pieces(text, max(CHARACTERS - (units - len(text)), CHARACTERS // 2))


def records(characters: int) -> int:
    """Text records that so many characters are paid as."""
    return max(-(-characters // RECORD), 1)


def patiently(source: Iterator[Item], left: Callable[[], float | None]) -> Iterator[Item | None]:
    """What comes from `source`, and None whenever nothing came within `left()` seconds (None: however long it
    takes)."""
    lane = Lane("formpipe-texts", 1)
    try:
        while True:
            future = lane.submit(partial(next, source, _END))
            while not wait([future], left()).done:
                yield None
            taken = future.result()
            if taken is _END:
                return
            yield taken
    finally:
        lane.close()
