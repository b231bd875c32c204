"""Fixed hashes of texts: equal on every machine, in every process, for every seed of Python's own."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

BITS = 20
"""Features are hashed into 2**BITS buckets."""

Codes = NDArray[np.uint64]
ASPECTS = ("lower", "masked", "shape", "kind", "prefix", "suffix", "length", "ending")
LOWER, MASKED, SHAPE, KIND, PREFIX, SUFFIX, LENGTH, ENDING = range(len(ASPECTS))

_CACHE_LIMIT = 200_000

_RUNS = re.compile(r"(.)\1{3,}")
_DATE = re.compile(
    r"^[^\w]*(\d{1,4}[/.\-]\d{1,2}[/.\-]\d{2,4}|\d{1,2}[/\-. ]?[a-z]{3,9}[/\-.,' ]?\d{2,4})[^\w]*$", re.I
)
_AMOUNT = re.compile(r"^[^\w]*([a-z]{1,3})?[^\w]*\d{1,3}([,.]?\d{3})*[.,]\d{2}[^\w]*(?:cr|dr)?$", re.I)
_TIME = re.compile(r"^\d{1,2}:\d{2}(:\d{2})?([ap]\.?m?\.?)?$", re.I)
_INTEGER = re.compile(r"^[^\w]*[\d,]+[^\w]*$")
_WORD = re.compile(r"^[^\w]*[^\W\d_]+(['’.\-][^\W\d_]+)*[^\w]*$")


def code(text: str) -> int:
    """A 32-bit number for a text, never 0 (0 stands for "nothing there")."""
    return zlib.crc32(text.encode("utf-8", "surrogatepass")) | 1


def kind(text: str) -> str:
    """What a word looks like: date, amount, time, integer, word, mixed, punctuation."""
    if not any(ch.isalnum() for ch in text):
        return "punctuation"
    for name, pattern in _KINDS:
        if pattern.match(text):
            return name
    return "mixed"


_KINDS = (("date", _DATE), ("amount", _AMOUNT), ("time", _TIME), ("integer", _INTEGER), ("word", _WORD))


def shape(text: str) -> str:
    """`Ab-12` -> `Xx-00`; runs longer than three are cut to three."""
    mapped = "".join(
        "0" if ch.isdigit() else "X" if ch.isupper() else "x" if ch.isalpha() else ch for ch in text
    )
    return _RUNS.sub(r"\1\1\1", mapped)


def masked(text: str) -> str:
    """Lower case, digits as 0, punctuation at both ends dropped unless nothing else is there."""
    lowered = "".join("0" if ch.isdigit() else ch for ch in text.lower())
    return lowered.strip(".,;:!?()[]*'\"") or lowered


def aspect_codes(texts: Iterable[str]) -> Codes:
    """Codes of every aspect of every text: (texts, len(ASPECTS))."""
    wanted = list(texts)
    known = dict.fromkeys(wanted)
    codes = np.array([_aspects(text) for text in known], dtype=np.uint64).reshape(-1, len(ASPECTS))
    places = dict(zip(known, range(len(known)), strict=True))
    return codes[[places[text] for text in wanted]]


@lru_cache(maxsize=_CACHE_LIMIT)
def _aspects(text: str) -> tuple[int, ...]:
    lowered = text.lower()
    return (
        code(lowered),
        code(masked(text)),
        code(shape(text)),
        code(kind(text)),
        code(lowered[:3]),
        code(lowered[-3:]),
        min(len(text), 12) + 1,
        code(text[-1:] if not text[-1:].isalnum() else ""),
    )


def mix(*parts: Codes | int) -> Codes:
    """One code out of several, position by position; the order of the parts matters."""
    mixed: Codes = np.zeros(1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for part in parts:
            mixed = (mixed ^ np.asarray(part, dtype=np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
            mixed = mixed ^ (mixed >> np.uint64(29))
    return mixed


def buckets(slots: Sequence[Codes]) -> NDArray[np.int32]:
    """Bucket of each slot of each item: (items, slots). Equal codes in two slots fall apart."""
    stacked = np.stack([mix(number + 1, slot) for number, slot in enumerate(slots)], axis=1)
    with np.errstate(over="ignore"):
        spread = stacked * np.uint64(0xD6E8FEB86659FD93)
    return (spread >> np.uint64(64 - BITS)).astype(np.int32)
