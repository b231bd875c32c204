"""Which words are print of the form: what recurs on the pages of one layout, in its context."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from pipeline.learning.pairs_page import PageView, Token, is_figure

_SAME_LAYOUT = 0.45
_BUCKET = 3.0
_SHARE = 0.6
_FIGURE_SHARE = 0.9
_STEADY = 0.7
EDGE = "\x02"
"""Stands for the end of a segment in a context."""

Context = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Print:
    """The print of one layout.

    `before` and `after` hold contexts (word left, word) and (word, word right) that recur; `steady`
    those of them that stand at one place from left to right. `features` is the share of the layout's
    pages on which a word stands in a column, to know the layout again.
    """

    pages: int
    before: frozenset[Context]
    after: frozenset[Context]
    steady: frozenset[Context]
    features: dict[str, float]

    def likeness(self, page: PageView) -> float:
        """How much of the layout's features the page has, 0..1."""
        total = sum(self.features.values())
        found = page_features(page)
        return sum(w for f, w in self.features.items() if f in found) / total if total else 0.0

    def mask(self, segment: Sequence[Token]) -> list[bool]:
        """Which words of the segment are print. Print straight after a filled-in word must be steady:
        `Street` ends many addresses, but not at one place."""
        before, after = contexts(segment)
        known = [a in self.before or b in self.after for a, b in zip(before, after, strict=True)]
        steady = [a in self.steady or b in self.steady for a, b in zip(before, after, strict=True)]
        for at in range(1, len(known)):
            known[at] = known[at] and (known[at - 1] or steady[at])
        return known


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
    """The print of pages of one layout; of a single page nothing recurs."""
    least = max(2, ceil(_SHARE * len(pages)))
    least_figures = max(3, ceil(_FIGURE_SHARE * len(pages)))
    places: dict[Context, dict[int, float]] = defaultdict(dict)
    sides: dict[Context, str] = {}
    for number, page in enumerate(pages):
        for context, side, token in _occurrences(page):
            places[context].setdefault(number, token.box.left)
            sides[context] = side
    kept = {
        context: seen
        for context, seen in places.items()
        if len(seen) >= (least_figures if is_figure(_word(context)) else least)
    }
    return Print(
        pages=len(pages),
        before=frozenset(c for c in kept if sides[c] == "before"),
        after=frozenset(c for c in kept if sides[c] == "after"),
        steady=_steady(kept),
        features=_shares(pages),
    )


def _occurrences(page: PageView) -> Iterator[tuple[Context, str, Token]]:
    for segment in page.segments:
        before, after = contexts(segment)
        for token, left, right in zip(segment, before, after, strict=True):
            yield left, "before", token
            yield right, "after", token


def _word(context: Context) -> str:
    return context[1] if context[0].startswith("<") else context[0]


def _steady(places: dict[Context, dict[int, float]]) -> frozenset[Context]:
    """Contexts at one place, after each page's own shift (a scan lies a little to one side)."""
    middles = {context: median(seen.values()) for context, seen in places.items()}
    shifts: dict[int, list[float]] = defaultdict(list)
    for context, seen in places.items():
        for page, left in seen.items():
            shifts[page].append(left - middles[context])
    shift = {page: median(all_) for page, all_ in shifts.items()}

    def off(context: Context) -> float:
        return median(abs(x - shift[p] - middles[context]) for p, x in places[context].items())

    return frozenset(context for context in places if off(context) < _STEADY)


def _shares(pages: Iterable[PageView]) -> dict[str, float]:
    found = [page_features(page) for page in pages]
    counts = Counter(feature for features in found for feature in features)
    least = 0.5 * len(found) if len(found) > 1 else 0
    return {f: round(n / len(found), 3) for f, n in sorted(counts.items()) if n > least}
