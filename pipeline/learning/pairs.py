"""Key-value discovery without labels: what is printed on every form, and what varies beside it.

Pages of the training forms are grouped into layouts. Words that recur in their context on the pages of
a layout are print, the rest was filled in. Print beside which entries vary is a key; where its values
stand is learned from the forms. A page of an unknown layout is read with the keys of all layouts, and
with what keys look like (a colon; words before a figure).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Self

from pipeline.learning.pairs_find import Known, Pair, find_pairs, known_mask, unknown_mask
from pipeline.learning.pairs_keys import learn_keys, tick_side
from pipeline.learning.pairs_model import LearnedLayout, decode, encode, key_texts, most_common
from pipeline.learning.pairs_page import PageView, view
from pipeline.learning.pairs_print import find_print, group_pages, page_features, repair, shared_print
from pipeline.types import Box, ExtractedField, Layout

_KNOWN_LAYOUT = 0.65
_MOST_PAGES = 1500
"""Of more training pages an even sample is used: grouping compares every page with every other."""


class PairDiscovery:
    """Finds key-value pairs on forms; learns the keys from 5 to 30 filled forms without labels.

    Fitted attributes: `layouts_` (one per way the form is printed), `keys_` (the texts of the keys,
    sorted). `seed` is there for the conventions; nothing is drawn at random.
    """

    layouts_: tuple[LearnedLayout, ...]
    keys_: tuple[str, ...]

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self._set(())

    def fit(self, layouts: Sequence[Layout]) -> Self:
        """Learns from the layouts of training forms, all pages."""
        pages = [view(page) for layout in layouts for page in layout.pages]
        step = -(-len(pages) // _MOST_PAGES) or 1
        pages = [page for page in pages[::step] if page.rows]
        self._set(tuple(_learn([pages[at] for at in group]) for group in group_pages(pages)))
        return self

    def predict(self, layout: Layout) -> tuple[ExtractedField, ...]:
        """The pairs of a document in reading order; a key that occurs again counts up `occurrence`."""
        seen: Counter[str] = Counter()
        fields = []
        for page in layout.pages:
            seen_page = view(page)
            for pair in self._pairs(seen_page):
                key = self._texts.get(pair.form, pair.key)
                fields.append(_field(pair, key, seen_page, seen[key]))
                seen[key] += 1
        return tuple(fields)

    def to_bytes(self) -> bytes:
        return encode(self.layouts_)

    @classmethod
    def from_bytes(cls, body: bytes) -> Self:
        """Raises `RowError` (`model-unreadable`) for anything `to_bytes` of this version did not write."""
        model = cls()
        model._set(decode(body))
        return model

    def _set(self, layouts: tuple[LearnedLayout, ...]) -> None:
        self.layouts_ = layouts
        self._texts = key_texts(layouts)
        self._forms = frozenset(self._texts)
        self._shared = shared_print([layout.printed for layout in layouts])
        self.keys_ = tuple(sorted(set(self._texts.values())))

    def _pairs(self, page: PageView) -> list[Pair]:
        if not page.rows:
            return []
        best = self._layout_of(page)
        if best is None:
            return self._guessed(page)
        page = repair(page, best.printed.words)
        pages = best.printed.pages
        ticked = frozenset(best.tick_keys) if pages > 2 else None
        keys = {key.form: key for key in best.keys}
        known = Known(keys, best.constants, ticked, best.tick_side, self._forms, pages)
        return find_pairs(page, known_mask(best.printed, self._forms), known)

    def _layout_of(self, page: PageView) -> LearnedLayout | None:
        features = page_features(page)
        likeness = [layout.printed.likeness(features) for layout in self.layouts_]
        best = max(likeness, default=0.0)
        return self.layouts_[likeness.index(best)] if best >= _KNOWN_LAYOUT else None

    def _guessed(self, page: PageView) -> list[Pair]:
        """The pairs on a page of no known layout."""
        sides = Counter(layout.tick_side for layout in self.layouts_).most_common(1)
        known = Known({}, {}, None, sides[0][0] if sides else "right", self._forms, 0)
        return find_pairs(page, unknown_mask(page, self._shared, self._forms), known)


def _learn(pages: list[PageView]) -> LearnedLayout:
    first = find_print(pages)
    pages = [repair(page, first.words) for page in pages] if len(pages) > 1 else pages
    printed = find_print(pages)
    if len(pages) == 1:
        return LearnedLayout(printed, (), {}, "right", {})
    keys, constants = learn_keys(pages, printed.mask)
    learned = LearnedLayout(printed, keys, constants, tick_side(pages, printed.mask), {})
    return replace(learned, tick_keys=_tick_keys(pages, learned))


def _tick_keys(pages: Iterable[PageView], layout: LearnedLayout) -> dict[str, str]:
    """Labels of boxes that two pages or more have: comparable form -> text."""
    spellings: dict[str, Counter[str]] = {}
    for page in pages:
        for pair in _all_pairs(page, layout):
            if pair.ticked:
                spellings.setdefault(pair.form, Counter())[pair.key] += 1
    return {form: most_common(texts) for form, texts in sorted(spellings.items()) if texts.total() > 1}


def _all_pairs(page: PageView, layout: LearnedLayout) -> list[Pair]:
    known = Known({}, {}, None, layout.tick_side, frozenset(), layout.printed.pages)
    return find_pairs(page, layout.printed.mask, known)


def _field(pair: Pair, key: str, page: PageView, occurrence: int) -> ExtractedField:
    box = Box(*(side * page.line_height for side in pair.box))
    return ExtractedField(
        field=key,
        text=pair.value,
        page=page.number,
        polygon=box.polygon,
        confidence=round(pair.confidence, 4),
        layout_confidence=pair.layout_confidence,
        occurrence=occurrence,
    )
