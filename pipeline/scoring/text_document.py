"""The text of a backlog document, and what a model's answer about it becomes as fields."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from pipeline.errors import DocumentError
from pipeline.ports import Reader
from pipeline.reading.plain import TEXT, plain_text
from pipeline.texts import CLASS, CLASSES, CONFIDENCE, FoundClass, FoundEntity, ProjectKind, TextAnswer
from pipeline.types import Box, ExtractedField, Layout, Page, Polygon, ScoredValue, TypedValue, Word

_PLAIN = Layout((Page(1, 0.0, 0.0, "pixel"),), 1)
"""Of a text file: one page without places."""


@dataclass(frozen=True, slots=True)
class ReadText:
    """A document's text; the layout that it was taken from, an empty page for a text file."""

    text: str
    layout: Layout


def read_text(content: bytes, reader: Reader, *, max_pages: int, file_type: str | None = None) -> ReadText:
    """A text file in UTF-8 as it is, a PDF or an image as the reader reads it. Raises DocumentError for what
    is neither, or not of the row's `file_type`."""
    if file_type in (None, "", TEXT):
        text = plain_text(content)
        if text is not None:
            return ReadText(text, _PLAIN)
        if file_type:
            raise DocumentError(
                f"The content is a PDF or an image, the row's file_type is {TEXT}: empty the column or move "
                "the file.",
                reason="other-file-type",
            )
    layout = reader.layout(content, max_pages=max_pages, file_type=file_type)
    return ReadText(layout.text, layout)


def fields_of(
    answer: TextAnswer, kind: ProjectKind, text: str, layout: Layout, *, guesses: int = 1
) -> tuple[ExtractedField, ...]:
    """An entity is a value of the field named by its category, occurrences in the order of the text. Of
    classes there are `class` (the likeliest; of a multi-label model each that it gives, the likeliest first),
    `confidence` (of the likeliest) and, of a multi-label model, `classes` (all, with commas between).

    `guesses`: so many of the classes of a single-label model are told as further occurrences.
    Places on pages are told where the text is the layout's.
    """
    if kind == "entities":
        return tuple(_entities(answer.entities, _Places(layout) if layout.text == text else None))
    return tuple(_classes(answer.classes if kind == "multi" else answer.classes[:guesses], kind))


def reviewed(values: Iterable[ScoredValue]) -> tuple[ScoredValue, ...]:
    """The values of a classifier, of which a person is asked about the classes alone."""
    return tuple(value if value.found.field == CLASS else replace(value, review=False) for value in values)


def _classes(found: tuple[FoundClass, ...], kind: ProjectKind) -> Iterator[ExtractedField]:
    for occurrence, each in enumerate(found):
        yield _said(CLASS, each.category, each.confidence, occurrence)
    if found:
        sure = found[0].confidence
        number = f"{sure:.4f}"
        yield replace(_said(CONFIDENCE, number, sure), given=TypedValue(number=Decimal(number)))
        if kind == "multi":
            yield _said(CLASSES, ", ".join(each.category for each in found), found[-1].confidence)


def _said(field: str, text: str, confidence: float, occurrence: int = 0) -> ExtractedField:
    return ExtractedField(field, text, 1, None, confidence, occurrence=occurrence)


def _entities(found: Iterable[FoundEntity], places: _Places | None) -> Iterator[ExtractedField]:
    counts: Counter[str] = Counter()
    for each in sorted(found, key=lambda entity: (entity.offset, entity.length)):
        place = places.of(each.offset, each.length) if places else _NOWHERE
        yield ExtractedField(
            each.category,
            each.text,
            place.page,
            place.polygon,
            each.confidence,
            place.confidence,
            counts[each.category],
            offset=each.offset,
            length=each.length,
        )
        counts[each.category] += 1


# --- where words of a layout's text stand ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Place:
    """`confidence`: the reader's, the least of the words'."""

    page: int = 1
    polygon: Polygon | None = None
    confidence: float = 1.0


_NOWHERE = _Place()


class _Places:
    """The words of a layout by their offsets in its text."""

    def __init__(self, layout: Layout) -> None:
        self._words = list(_word_spans(layout))
        self._starts = [start for start, _, _, _ in self._words]

    def of(self, offset: int, length: int) -> _Place:
        """The page on which a stretch begins, and the box around its words there."""
        first = max(bisect_right(self._starts, offset) - 1, 0)
        touched = []
        for start, end, page, word in self._words[first:]:
            if start >= offset + length:
                break
            if end > offset:
                touched.append((page, word))
        if not touched:
            return _NOWHERE
        page = touched[0][0]
        words = [word for number, word in touched if number == page]
        return _Place(page, _around(words), min(word.confidence for word in words))


def _word_spans(layout: Layout) -> Iterator[tuple[int, int, int, Word]]:
    """(start, end, page, word) in the order of `layout.text`. A word that its line does not spell is left
    out."""
    offset = 0
    for page in layout.pages:
        for line in page.lines:
            at = 0
            for word in line.words:
                found = line.text.find(word.text, at)
                if found >= 0:
                    at = found + len(word.text)
                    yield offset + found, offset + at, page.number, word
            offset += len(line.text) + 1


def _around(words: list[Word]) -> Polygon:
    boxes = [word.box for word in words]
    return Box(
        min(box.left for box in boxes),
        min(box.top for box in boxes),
        max(box.right for box in boxes),
        max(box.bottom for box in boxes),
    ).polygon
