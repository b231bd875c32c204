"""Ways through the tokens of a document: where a value can stand, and where a given text stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pipeline.learning.features import Scene
from pipeline.learning.hashing import kind
from pipeline.learning.tokens import text_key

Path = tuple[int, ...]

_MOST_OCCURRENCES = 40
_NUMBERS = re.compile(r"\d+")
_AMOUNT = re.compile(r"\d[\d,]*(\.\d+)?")
_LONGEST_KEY = 400


@dataclass(frozen=True, slots=True)
class Track:
    """The links of a document as plain lists (walked token by token, where arrays are slow)."""

    following: list[int]
    gap: list[float]
    drop: list[int]
    """Per first token of a value's line: first token of the value's next line; -1 where there is none."""
    ends: list[bool]
    """Whether the token is the last of its segment: only there a value goes on in the next line."""


def track(scene: Scene) -> Track:
    lines = scene.lines
    ends = np.zeros(len(scene), dtype=np.bool_)
    ends[lines.last] = True
    return Track(lines.following.tolist(), lines.gap.tolist(), lines.drop.tolist(), ends.tolist())


@lru_cache(maxsize=100_000)
def comparable(text: str) -> str:
    """What two spellings of one value share: dates by their numbers, amounts by their value, else letters."""
    looks = kind(text)
    if looks == "date" and len(numbers := _NUMBERS.findall(text)) == 3:
        return "/".join(_century(number) for number in numbers)
    if (looks == "amount" or (looks == "integer" and "," in text)) and (found := _AMOUNT.search(text)):
        whole, _, cents = found[0].replace(",", "").partition(".")
        return f"{whole}.{cents.rstrip('0')}".rstrip(".")
    return text_key(text)


def _century(number: str) -> str:
    value = int(number)
    return str(value + 2000 if len(number) == 2 and value > 12 and value < 70 else value)


def path_key(scene: Scene, path: Path) -> str:
    """`comparable` of the text along a path."""
    if len(path) == 1:
        return comparable(scene.tokens.items[path[0]].text)
    return scene.tokens.key(path)


def occurrences(scene: Scene, links: Track, text: str) -> list[Path]:
    """Every path that reads as `text`, at most 40, in reading order."""
    wanted, same = text_key(text)[:_LONGEST_KEY], comparable(text)
    found: list[Path] = []
    for start, key in enumerate(scene.tokens.keys):
        if not key:
            continue
        if wanted.startswith(key):
            found += _readings(scene, links, start, wanted)
        elif comparable(scene.tokens.items[start].text) == same and not same.isalpha():
            found.append((start,))
        if len(found) >= _MOST_OCCURRENCES:
            break
    return found


def _readings(scene: Scene, links: Track, start: int, wanted: str) -> Iterator[Path]:
    """Paths from `start` whose letters spell `wanted`: along the row, at its end down to the next line."""
    keys = scene.tokens.keys
    waiting: list[tuple[Path, int, int]] = [((start,), len(keys[start]), start)]
    for _ in range(64):
        if not waiting:
            return
        path, done, begun = waiting.pop()
        if done == len(wanted):
            yield path
            return
        down = links.drop[begun] if links.ends[path[-1]] else -1
        steps = ((down, down), (links.following[path[-1]], begun))
        waiting += [
            ((*path, step), done + len(keys[step]), line)
            for step, line in steps
            if step >= 0 and step not in path and wanted.startswith(keys[step], done) and len(path) < 60
        ]
