"""Where on the pages a value, a cell or a key stands: JSON pointers into `readResults`, as the service gives
them (`#/readResults/0/lines/14/words/0`, `#/readResults/0/selectionMarks/3`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.types import Box, Layout, Page, Polygon, Word, bounds


@dataclass(frozen=True, slots=True)
class Place:
    """A text found on a page: the box around it and the pointers to its words."""

    polygon: Polygon
    pointers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Elements:
    """One page; `position` is its place in `readResults`."""

    page: Page
    position: int

    def words(self, polygon: Polygon, text: str) -> list[str]:
        """The words of a text that lie in its box."""
        box = bounds(polygon)
        return [
            pointer
            for pointer, word in self._words()
            if word.text and word.text in text and _within(word.box, box)
        ]

    def marks(self, polygon: Polygon) -> list[str]:
        """The selection marks in a box."""
        box = bounds(polygon)
        return [
            f"#/readResults/{self.position}/selectionMarks/{number}"
            for number, mark in enumerate(self.page.selection_marks)
            if _within(mark.box, box)
        ]

    def phrase(self, text: str, near: Polygon | None) -> Place | None:
        """A text as consecutive words of one line, the one nearest to a place where it stands more often."""
        wanted = _plain(text)
        found = [place for run in self._runs() for place in _starting(run, wanted)]
        if near is None or len(found) < 2:
            return found[0] if found else None
        return min(found, key=lambda place: _distance(bounds(place.polygon), bounds(near)))

    def _words(self) -> Iterator[tuple[str, Word]]:
        for run in self._runs():
            yield from run

    def _runs(self) -> Iterator[list[tuple[str, Word]]]:
        for line_number, line in enumerate(self.page.lines):
            start = f"#/readResults/{self.position}/lines/{line_number}/words"
            yield [(f"{start}/{number}", word) for number, word in enumerate(line.words)]


def elements(layout: Layout) -> dict[int, Elements]:
    """The pages of a layout by their numbers."""
    return {page.number: Elements(page, position) for position, page in enumerate(layout.pages)}


def _starting(run: Sequence[tuple[str, Word]], wanted: str) -> Iterator[Place]:
    """Every place in a line where the wanted text begins."""
    for first in range(len(run)):
        so_far = ""
        for last in range(first, len(run)):
            so_far = f"{so_far} {run[last][1].text}".strip()
            if _plain(so_far) == wanted and wanted:
                chosen = run[first : last + 1]
                yield Place(_around([word for _, word in chosen]), tuple(pointer for pointer, _ in chosen))
                break
            if len(so_far) > len(wanted) + 8:
                break


def _plain(text: str) -> str:
    return " ".join(text.split()).strip(" :").casefold()


def _around(words: Sequence[Word]) -> Polygon:
    boxes = [word.box for word in words]
    return Box(
        min(box.left for box in boxes),
        min(box.top for box in boxes),
        max(box.right for box in boxes),
        max(box.bottom for box in boxes),
    ).polygon


def _within(inner: Box, outer: Box) -> bool:
    """Its middle lies in the other."""
    x, y = (inner.left + inner.right) / 2, (inner.top + inner.bottom) / 2
    return outer.left <= x <= outer.right and outer.top <= y <= outer.bottom


def _distance(one: Box, other: Box) -> float:
    across = max(one.left - other.right, other.left - one.right, 0.0)
    down = max(one.top - other.bottom, other.top - one.bottom, 0.0)
    return across + down
