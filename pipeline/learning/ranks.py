"""Where a value stands among its like in a document: the largest amount, the earliest date."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pipeline.learning.tokens import Tokens

_AMOUNT = re.compile(r"[^\w]*[A-Za-z]{0,3}[^\w]*(\d[\d,]*\.\d{2})[^\w]*")
_DATE = re.compile(r"[^\w]*(\d{1,4})[/.\-](\d{1,2})[/.\-](\d{2,4})[^\w]*")
_MOST = 20

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Ranks:
    """Per token, -1 where it is no such value: rank from the largest amount, the earliest and latest date.

    Equal values share a rank. `amounts`: how many different amounts the document has.
    """

    largest: Floats
    earliest: Floats
    latest: Floats
    amounts: Floats


def rank_values(tokens: Tokens) -> Ranks:
    amounts = np.array([_amount(token.text) for token in tokens.items])
    dates = np.array([_date(token.text) for token in tokens.items])
    different = len(np.unique(amounts[np.isfinite(amounts)]))
    return Ranks(
        _ranked(-amounts), _ranked(dates), _ranked(-dates), np.full(len(tokens), different, dtype=np.float32)
    )


def _ranked(values: NDArray[np.float64]) -> Floats:
    known = np.isfinite(values)
    ranks = np.full(len(values), -1.0, dtype=np.float32)
    _, inverse = np.unique(values[known], return_inverse=True)
    ranks[known] = np.minimum(inverse, _MOST)
    return ranks


@lru_cache(maxsize=100_000)
def _amount(text: str) -> float:
    found = _AMOUNT.fullmatch(text)
    return float(found[1].replace(",", "")) if found else float("nan")


@lru_cache(maxsize=100_000)
def _date(text: str) -> float:
    """A number that orders dates written alike; which part is the day does not matter within a form type."""
    found = _DATE.fullmatch(text)
    return _ordered([int(part) for part in found.groups()]) if found else float("nan")


def _ordered(parts: Sequence[int]) -> float:
    first, second, third = parts
    if first > 31:
        return first * 10_000.0 + second * 100 + third
    month, day = (first, second) if first <= 12 else (second, first)
    return (third + 2000 if third < 100 else third) * 10_000.0 + month * 100 + day
