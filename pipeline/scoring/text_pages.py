"""What a classifier says of the pages of a document, each by itself. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pipeline.texts import CLASS, TextAnswer
from pipeline.types import ExtractedField, Layout


def classes_by_page(layout: Layout, ask: Callable[[str], TextAnswer]) -> tuple[ExtractedField, ...]:
    """The likeliest class of each page that has text, as occurrences of one field in the order of the
    pages."""
    return tuple(_by_page(layout, ask))


def _by_page(layout: Layout, ask: Callable[[str], TextAnswer]) -> Iterator[ExtractedField]:
    occurrence = 0
    for page in layout.pages:
        text = Layout((page,), 1).text
        classes = ask(text).classes if text.strip() else ()
        if classes:
            best = classes[0]
            yield ExtractedField(
                CLASS, best.category, page.number, None, best.confidence, occurrence=occurrence
            )
            occurrence += 1
