"""Which words are print of the form: what recurs on the pages of one layout, in its context."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from math import ceil

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from pipeline.learning.pairs_page import PageView, Token, is_figure, is_symbol

_SAME_LAYOUT = 0.6
_BUCKET = 3.0
_SHARE = 0.6
_FIGURE_SHARE = 0.9
_SHARED = 0.1
EDGE = "\x02"
"""Stands for the end of a segment in a context."""

Context = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Print:
    """The print of one layout.

    `before` and `after` hold contexts (word left, word) and (word, word right) that recur. `features`
    is the share of the layout's pages on which a word stands in a column, to know the layout again.
    """

    pages: int
    before: frozenset[Context]
    after: frozenset[Context]
    features: dict[str, float]

    def likeness(self, found: frozenset[str]) -> float:
        """How much of the layout's features a page with the features `found` has, 0..1."""
        total = sum(self.features.values())
        return sum(w for f, w in self.features.items() if f in found) / total if total else 0.0

    @property
    def words(self) -> frozenset[str]:
        return frozenset([word for _, word in self.before] + [word for word, _ in self.after])

    def mask(self, segment: Sequence[Token]) -> list[bool]:
        """Which words of the segment are print. Straight after a filled-in word only a word with a colon
        ahead can be: `Street` ends many addresses and is no print of the form."""
        before, after = contexts(segment)
        known = [a in self.before or b in self.after for a, b in zip(before, after, strict=True)]
        for at in range(1, len(known)):
            known[at] = known[at] and (known[at - 1] or _colon_ahead(segment, known, at))
        return known


def _colon_ahead(segment: Sequence[Token], known: Sequence[bool], at: int) -> bool:
    while at < len(segment) and known[at]:
        if segment[at].text.endswith(":"):
            return True
        at += 1
    return False


def contexts(segment: Sequence[Token]) -> tuple[list[Context], list[Context]]:
    forms = [EDGE, *(token.form for token in segment), EDGE]
    before = [("<" + forms[i - 1], forms[i]) for i in range(1, len(forms) - 1)]
    after = [(forms[i], ">" + forms[i + 1]) for i in range(1, len(forms) - 1)]
    return before, after


def page_features(page: PageView) -> frozenset[str]:
    """Words with the column they start in; a word near the border of two columns is in both."""
    found = set()
    for segment in page.segments:
        for token in segment:
            if not is_figure(token.form):
                for shift in (0.25, 0.75):
                    found.add(f"{int(token.box.left / _BUCKET + shift)} {token.form}")
    return frozenset(found)


def group_pages(pages: Sequence[PageView]) -> list[list[int]]:
    """Pages of one layout together (average linkage over the features that recur)."""
    if len(pages) < 2:
        return [list(range(len(pages)))] if pages else []
    tree = linkage(squareform(1 - _likeness(pages), checks=False), "average")
    groups: dict[int, list[int]] = defaultdict(list)
    for page, group in enumerate(fcluster(tree, 1 - _SAME_LAYOUT, "distance")):
        groups[int(group)].append(page)
    return sorted(groups.values(), key=lambda group: (-len(group), group))


def _likeness(pages: Sequence[PageView]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    found = [page_features(page) for page in pages]
    spread = Counter(feature for features in found for feature in features)
    names = {name: at for at, name in enumerate(n for n, count in spread.items() if count > 1)}
    table = np.zeros((len(pages), max(len(names), 1)))
    for row, features in enumerate(found):
        table[row, [names[f] for f in features if f in names]] = 1.0
    common = table @ table.T
    sizes = common.diagonal()
    likeness = 2 * common / np.maximum(sizes[:, None] + sizes[None, :], 1)
    np.fill_diagonal(likeness, 1.0)
    return np.asarray(likeness)


def find_print(pages: Sequence[PageView]) -> Print:
    """The print of pages of one layout. Of a single page it is everything but bare figures: what a new
    page has in common with it."""
    least = max(min(2, len(pages)), ceil(_SHARE * len(pages)))
    least_figures = max(least, ceil(_FIGURE_SHARE * len(pages)))
    spread: dict[Context, set[int]] = defaultdict(set)
    sides: dict[Context, str] = {}
    for number, page in enumerate(pages):
        for context, side, _ in _occurrences(page):
            spread[context].add(number)
            sides[context] = side
    kept = [
        context
        for context, on in spread.items()
        if len(on) >= (least_figures if _is_datum(_word(context)) else least)
        if not _bare_figure(context)
    ]
    before = frozenset(c for c in kept if sides[c] == "before")
    return Print(len(pages), before, frozenset(kept) - before, _shares(pages))


def shared_print(prints: Sequence[Print]) -> Print:
    """The contexts of all layouts; of many layouts, those that a tenth of them share."""
    several = [found for found in prints if found.pages > 1]
    least = max(1, ceil(_SHARED * len(several)))
    before = Counter(context for found in several for context in found.before)
    after = Counter(context for found in several for context in found.after)
    return Print(
        sum(found.pages for found in several),
        frozenset(context for context, count in before.items() if count >= least),
        frozenset(context for context, count in after.items() if count >= least),
        {},
    )


def _bare_figure(context: Context) -> bool:
    """A figure without a word beside it is filled in, however often it comes."""
    word, other = context if context[1].startswith(">") else context[::-1]
    return _is_datum(word) and (other[1:] == EDGE or _is_datum(other[1:]) or is_symbol(other[1:]))


def _is_datum(form: str) -> bool:
    """What is more often filled in than printed: a figure, a single letter."""
    return is_figure(form) or (len(form) == 1 and form.isalpha())


def _occurrences(page: PageView) -> Iterator[tuple[Context, str, Token]]:
    for segment in page.segments:
        before, after = contexts(segment)
        for token, left, right in zip(segment, before, after, strict=True):
            yield left, "before", token
            yield right, "after", token


def _word(context: Context) -> str:
    return context[1] if context[0].startswith("<") else context[0]


def _shares(pages: Iterable[PageView]) -> dict[str, float]:
    found = [page_features(page) for page in pages]
    counts = Counter(feature for features in found for feature in features)
    least = 0.5 * len(found) if len(found) > 1 else 0
    return {f: round(n / len(found), 3) for f, n in sorted(counts.items()) if n > least}


def repair(page: PageView, words: frozenset[str]) -> PageView:
    """The page with misread print put right: a word that is no print, and nearly one that is missing."""
    there = {token.form for segment in page.segments for token in segment}
    missing = [word for word in words - there if len(word) > 3 and not is_figure(word)]
    odd = [form for form in there - words if len(form) > 3 and not is_figure(form)] if missing else []
    mended = {form: word for form in odd if (word := _nearly(form, missing)) is not None}
    if not mended:
        return page
    rows = tuple(
        tuple(tuple(replace(t, form=mended.get(t.form, t.form)) for t in segment) for segment in row)
        for row in page.rows
    )
    return replace(page, rows=rows)


def _nearly(form: str, words: Sequence[str]) -> str | None:
    likely = [w for w in words if abs(len(w) - len(form)) < 2 and (w[0] == form[0] or w[-1] == form[-1])]
    return next(iter(get_close_matches(form, likely, 1, 0.8)), None)
