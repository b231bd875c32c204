"""Keys: print beside which entries vary from form to form."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from pipeline.learning.pairs_page import PageView
from pipeline.learning.pairs_slots import (
    Direction,
    Edge,
    Mask,
    Run,
    Side,
    find_edges,
    find_runs,
    key_lines,
    tick_labels,
)

_TRAILING = re.compile(r"(?:\s*[:：▶►→»]|\s*[._…]{2,})+\s*$")
_LEADING = re.compile(r"^[▶►→»•*\s]+")
_LONGEST_KEY = 30
_SURELY_CONSTANT = 4


@dataclass(frozen=True, slots=True)
class Key:
    """A learned key: where its value begins and ends relative to it, in line heights.

    `left`, `right` and `top` are the usual distances of the value's left, right and upper side from the
    key's (right side and upper side for `right`, left side and lower side for `below`). `seen` counts the
    pages with a value there out of the `pages` that print the key.
    """

    form: str
    text: str
    direction: Direction
    left: tuple[float, float]
    right: tuple[float, float]
    top: tuple[float, float]
    seen: int
    pages: int

    @property
    def confidence(self) -> float:
        return (self.seen + 0.5) / (self.seen + 1.5)

    def fits(self, key: Run, value: Run) -> bool:
        """The value stands where the values of the training forms stood: at one side of them at least."""
        left, right, top = offsets(key, value, self.direction)
        beside = _within(left, self.left, 1.5) or _within(right, self.right, 1.5)
        return beside and _within(top, self.top, 0.6)


@dataclass(frozen=True, slots=True)
class Sighting:
    """One entry beside one key on a training page."""

    key: Run
    value: Run
    edge: Edge
    form: str
    text: str
    page: int


def _within(number: float, usual: tuple[float, float], least: float) -> bool:
    middle, spread = usual
    return abs(number - middle) <= max(least, 3 * spread)


def offsets(key: Run, value: Run, direction: Direction) -> tuple[float, float, float]:
    if direction == "right":
        return value.box.left - key.box.right, value.box.right - key.box.right, value.box.top - key.box.top
    return value.box.left - key.box.left, value.box.right - key.box.left, value.box.top - key.box.bottom


def key_name(runs: Sequence[Run], at: int) -> tuple[str, str]:
    """Comparable form and printed text (without the colon) of the key that run `at` belongs to."""
    lines = key_lines(runs, at)
    form = " ".join(token.form for line in lines for token in runs[line].tokens)
    return form, printed_key(" ".join(runs[line].text for line in lines))


def printed_key(text: str) -> str:
    return _LEADING.sub("", _TRAILING.sub("", text)).strip()


def learn_keys(pages: Sequence[PageView], mask: Mask) -> tuple[tuple[Key, ...], dict[str, str]]:
    """The keys of one layout from its training pages, and its constants: print with always the same
    figure beside it (comparable form -> that figure), which is print as well."""
    sightings: list[Sighting] = []
    printed: Counter[str] = Counter()
    for number, page in enumerate(pages):
        runs = find_runs(page, mask)
        names = {at: key_name(runs, at) for at, run in enumerate(runs) if run.kind == "print"}
        printed.update({form for form, _ in names.values()})
        sightings.extend(
            Sighting(runs[e.key], runs[e.value], e, *names[e.key], number) for e in find_edges(runs)
        )
    groups = list(_by_key(_settled(sightings)).values())
    keys = [key for group in groups if (key := _key(group, printed[group[0].form])) is not None]
    return tuple(keys), dict(pair for group in groups for pair in _constant(group))


def _constant(group: list[Sighting]) -> Iterator[tuple[str, str]]:
    values = {value_form(sighting.value) for sighting in group}
    if len(values) == 1 and len({sighting.page for sighting in group}) >= _SURELY_CONSTANT:
        yield group[0].form, values.pop()


def value_form(run: Run) -> str:
    return " ".join(token.form for token in run.tokens)


def _by_key(sightings: Iterable[Sighting]) -> dict[tuple[str, Direction], list[Sighting]]:
    groups: dict[tuple[str, Direction], list[Sighting]] = defaultdict(list)
    for sighting in sightings:
        groups[sighting.form, sighting.edge.direction].append(sighting)
    return groups


def _settled(sightings: list[Sighting]) -> list[Sighting]:
    """One key an entry, one direction a key: what most pages support and lies nearest wins."""
    strength = {
        slot: sum(s.edge.quality for s in {s.page: s for s in group}.values())
        for slot, group in _by_key(sightings).items()
    }
    best: dict[tuple[int, int], Sighting] = {}
    for sighting in sightings:
        entry = (sighting.page, sighting.edge.value)
        if entry not in best or _strength(sighting, strength) > _strength(best[entry], strength):
            best[entry] = sighting
    claimed = {slot: sum(s.edge.quality for s in group) for slot, group in _by_key(best.values()).items()}
    other: dict[Direction, Direction] = {"right": "below", "below": "right"}
    return [
        s
        for s in best.values()
        if claimed[s.form, s.edge.direction] >= claimed.get((s.form, other[s.edge.direction]), 0)
    ]


def _strength(sighting: Sighting, strength: dict[tuple[str, Direction], float]) -> float:
    return strength[sighting.form, sighting.edge.direction] * sighting.edge.quality


def _key(group: list[Sighting], pages: int) -> Key | None:
    seen = {s.page for s in group}
    values = {value_form(sighting.value) for sighting in group}
    form = group[0].form
    if len(seen) < 2 or len(values) < 2 or not is_keylike(form):
        return None
    places = [offsets(s.key, s.value, s.edge.direction) for s in group]
    left, right, top = (_spread([place[side] for place in places]) for side in range(3))
    text = Counter(s.text for s in group).most_common(1)[0][0]
    return Key(form, text, group[0].edge.direction, left, right, top, len(seen), max(pages, len(seen)))


def is_keylike(form: str) -> bool:
    """Words, and not a paragraph."""
    return any(c.isalpha() for c in form) and len(form.split()) <= _LONGEST_KEY


def _spread(numbers: list[float]) -> tuple[float, float]:
    middle = median(numbers)
    return round(middle, 2), round(median(abs(n - middle) for n in numbers), 2)


def tick_side(pages: Iterable[PageView], mask: Mask) -> Side:
    """On which side of its boxes a layout prints their labels."""
    votes: Counter[Side] = Counter()
    for page in pages:
        runs = find_runs(page, mask)
        for tick in page.ticks:
            labels = tick_labels(runs, tick)
            if labels:
                votes[min(labels, key=lambda side: labels[side])] += 1
    return votes.most_common(1)[0][0] if votes else "right"
