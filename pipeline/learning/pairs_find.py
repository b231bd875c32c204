"""The pairs on one page: learned keys first, then what is left and looks like a pair."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.learning.pairs_keys import Key, is_keylike, key_name, value_form
from pipeline.learning.pairs_page import PageView, Tick, Token, is_figure, is_symbol, union
from pipeline.learning.pairs_print import Print
from pipeline.learning.pairs_slots import (
    Edge,
    Mask,
    Run,
    Side,
    find_edges,
    find_runs,
    key_lines,
    tick_labels,
    value_runs,
)
from pipeline.types import Box

_GUESS = 0.45
_LEAST_QUALITY = 0.4
_LEAST_QUALITY_OF_FEW = 0.15
_LONGEST_GUESS = 8
_EXPLAINS = 0.5
_MANY_PAGES = 4
_PREFERRED = 0.4
_TICK_CONFIDENCE = 0.9


@dataclass(frozen=True, slots=True)
class Pair:
    """A key and its value on a page; `box` in line heights. `form` is the key's comparable form."""

    form: str
    key: str
    value: str
    box: Box
    confidence: float
    layout_confidence: float
    ticked: bool = False


@dataclass(frozen=True, slots=True)
class _Claim:
    score: float
    edge: Edge
    form: str
    text: str


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a page's layout: its keys by form, its constants (`learn_keys`), the forms that label
    boxes (None: any), the side those labels stand on, the forms of keys of any layout, the number of
    training pages (0: unknown layout)."""

    keys: Mapping[str, Key]
    constants: Mapping[str, str]
    ticked: frozenset[str] | None
    tick_side: Side
    familiar: frozenset[str]
    pages: int

    @property
    def well(self) -> bool:
        """So many pages that a key without a value on any of them hardly is one."""
        return self.pages >= _MANY_PAGES


def known_mask(printed: Print, forms: frozenset[str]) -> Mask:
    """Print of a page of a known layout."""
    return lambda segment: _with_keys(segment, printed.mask(segment), forms)


def unknown_mask(page: PageView, shared: Print, forms: frozenset[str]) -> Mask:
    """Print of a page of no known layout: keys of all layouts, print that they share, words before a
    colon, words beside a box, words left of or above a figure."""

    def known(segment: Sequence[Token]) -> list[bool]:
        mask = _with_keys(segment, shared.mask(segment), forms)
        colon = next((at for at, t in enumerate(segment[:7]) if t.text.endswith(":")), -1)
        return [printed or at <= colon for at, printed in enumerate(mask)]

    looks = _looks_like_keys(find_runs(page, known), page.ticks)
    return lambda segment: [p or t in looks for p, t in zip(known(segment), segment, strict=True)]


def _with_keys(segment: Sequence[Token], mask: list[bool], forms: frozenset[str]) -> list[bool]:
    """A key of any layout is print too, where it is a whole segment or goes on with a figure."""
    words = [token.form for token in segment]
    for end in range(len(words), 0, -1):
        ended = end == len(words) or is_figure(words[end]) or segment[end - 1].text.endswith(":")
        if ended and " ".join(words[:end]) in forms:
            return [True] * end + mask[end:]
    return mask


def _looks_like_keys(runs: Sequence[Run], ticks: Sequence[Tick]) -> frozenset[Token]:
    """Words that a figure follows, and words beside a box, unless known print explains them or the figure."""
    explained = {edge.value for edge in find_edges(runs) if edge.quality > _EXPLAINS}
    tried = [
        replace(run, kind="print") if at not in explained and _is_label(run) else run
        for at, run in enumerate(runs)
    ]
    found = [
        tried[edge.key]
        for edge in find_edges(tried)
        if edge.value not in explained and edge.quality > _EXPLAINS and _is_value(tried[edge.value])
    ]
    labels = (tick_labels(tried, tick) for tick in ticks)
    found.extend(tried[min(sides.values())[1]] for sides in labels if sides)
    return frozenset(token for run in found for token in run.tokens)


def _is_label(run: Run) -> bool:
    words = run.kind == "entry" and run.whole and len(run.tokens) <= 5
    return words and not _is_value(run)


def _is_value(run: Run) -> bool:
    return any(is_figure(token.form) for token in run.tokens)


def find_pairs(page: PageView, mask: Mask, known: Known) -> list[Pair]:
    """The pairs in reading order of their keys."""
    runs = find_runs(page, mask)
    used: set[int] = set()
    found: list[tuple[int, Pair]] = []
    for gap, label, tick in _tick_claims(runs, page.ticks, known.tick_side):
        if label not in used and _labels(runs, label, known):
            used.update(key_lines(runs, label))
            found.append((label, _ticked(runs, label, tick, gap, known.pages)))
    chosen = _choose(_claims(runs, known), runs, used)
    taken = {claim.edge.value for claim in chosen}
    for claim in sorted(chosen, key=lambda c: c.edge.value):
        lines = value_runs(runs, claim.edge.value, taken)
        taken.update(lines)
        found.append((claim.edge.key, _filled(claim, [runs[line] for line in lines])))
    return [pair for _, pair in sorted(found, key=lambda item: item[0])]


def _labels(runs: Sequence[Run], at: int, known: Known) -> bool:
    return known.ticked is None or key_name(runs, at)[0] in known.ticked


def _tick_claims(runs: Sequence[Run], ticks: Sequence[Tick], side: Side) -> list[tuple[float, int, Tick]]:
    claims = []
    for tick in ticks:
        labels = tick_labels(runs, tick)
        if labels:
            weighted = {s: gap * (_PREFERRED if s == side else 1) for s, (gap, _) in labels.items()}
            nearest = min(weighted, key=lambda s: weighted[s])
            claims.append((weighted[nearest], labels[nearest][1], tick))
    return sorted(claims, key=lambda claim: claim[:2])


def _ticked(runs: Sequence[Run], label: int, tick: Tick, gap: float, pages: int) -> Pair:
    form, text = key_name(runs, label)
    confidence = _TICK_CONFIDENCE / (1 + max(gap, 0) / 8) * (1 if pages else 0.7)
    return Pair(form, text, tick.state, tick.box, confidence, tick.confidence, True)


def _claims(runs: Sequence[Run], known: Known) -> Iterator[_Claim]:
    least = _LEAST_QUALITY_OF_FEW if known.pages and not known.well else _LEAST_QUALITY
    for edge in find_edges(runs):
        form, text = key_name(runs, edge.key)
        key = known.keys.get(form)
        if key is not None:
            if key.direction == edge.direction and key.fits(runs[edge.key], runs[edge.value]):
                yield _Claim(key.confidence, edge, form, key.text)
        elif known.constants.get(form) == value_form(runs[edge.value]):
            continue
        elif form in known.familiar and not known.well:
            yield _Claim(_GUESS * (1 + edge.quality), edge, form, text)
        elif edge.quality >= least and _may_be_key(form, runs[edge.key]):
            yield _Claim(_GUESS * edge.quality, edge, form, text)


def _may_be_key(form: str, run: Run) -> bool:
    sentence = len(run.tokens) > 4 and run.text.endswith(".")
    return is_keylike(form) and len(run.tokens) <= _LONGEST_GUESS and not sentence


def _choose(claims: Iterable[_Claim], runs: Sequence[Run], used: set[int]) -> list[_Claim]:
    """The best claims so that no key has two values and no value two keys."""
    chosen: list[_Claim] = []
    values: set[int] = set()
    for claim in sorted(claims, key=lambda c: (-c.score, -c.edge.quality, c.edge.key)):
        if claim.edge.key not in used and claim.edge.value not in values:
            used.update(key_lines(runs, claim.edge.key))
            values.add(claim.edge.value)
            chosen.append(claim)
    return chosen


def _filled(claim: _Claim, runs: Sequence[Run]) -> Pair:
    tokens = [token for run in runs for token in run.tokens]
    text = " ".join(token.text for token in tokens)
    while len(tokens) > 1 and is_symbol(tokens[-1].form) and tokens[-1].text in "|_":
        tokens.pop()
        text = " ".join(token.text for token in tokens)
    box = union([token.box for token in tokens])
    return Pair(claim.form, claim.text, text, box, claim.score, min(t.confidence for t in tokens))
