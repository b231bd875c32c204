"""A fitted tagger as bytes and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pipeline.learning.archive import Arrays, Head, pack, readable, unpack
from pipeline.learning.calibration import Calibration
from pipeline.learning.recurrence import Recurrence
from pipeline.learning.tagger_chain import Chain
from pipeline.learning.tagger_fitting import TaggerModel, groups_of
from pipeline.learning.tagger_vocabulary import Vocabulary

FORMAT = "formpipe-entities/1"
"""Changes whenever features or arrays change meaning: an older model is then trained again."""

_ARRAYS: Mapping[str, str] = {
    "words": "u8", "counts": "i4", "known": "u8", "uses": "i4", "odds": "f8", "confidence": "f8",
}  # fmt: skip
_OF_CHAIN: Mapping[str, str] = {"keys": "u8", "starts": "i8", "tags": "i4", "weights": "f4", "steps": "f4"}
"""Arrays of the model, and of each of its chains, which are numbered."""


def tagger_to_bytes(model: TaggerModel) -> bytes:
    """The model as one zip; equal models give equal bytes."""
    arrays: dict[str, NDArray[Any]] = {
        "words": model.recurrence.words,
        "counts": model.recurrence.counts,
        "known": model.vocabulary.words,
        "uses": model.vocabulary.counts,
        "odds": model.calibration.odds,
        "confidence": model.calibration.confidence,
    }
    for number, chain in enumerate(model.chains):
        parts = (chain.keys, chain.weights.indptr, chain.weights.indices, chain.weights.data, chain.steps)
        arrays |= dict(zip(_of_chain(number), parts, strict=True))
    head = {
        "categories": model.categories,
        "examples": model.examples,
        "most": model.most,
        "texts": model.recurrence.forms,
        "threshold": model.calibration.threshold,
    }
    return pack(FORMAT, head, arrays, _kinds(len(model.chains)))


def _kinds(chains: int) -> dict[str, str]:
    """Names and types of all arrays."""
    kinds = dict(_ARRAYS)
    for number in range(chains):
        kinds |= _of_chain(number)
    return kinds


def _of_chain(number: int) -> dict[str, str]:
    return {f"{name}{number}": kind for name, kind in _OF_CHAIN.items()}


def tagger_from_bytes(data: bytes) -> TaggerModel:
    """The model in `data`. Raises RowError (`model-unreadable`) for anything not written by this format."""
    with readable(FORMAT):
        head, arrays = unpack(FORMAT, data, lambda head: _kinds(len(groups_of(len(head["categories"])))))
        return _model(head, arrays)


def _model(head: Head, arrays: Arrays) -> TaggerModel:
    categories = tuple(str(name) for name in head["categories"])
    if not categories:
        raise ValueError("no categories")
    _check(arrays, len(categories))
    groups = groups_of(len(categories))
    return TaggerModel(
        categories,
        _counts(head["examples"], len(categories)),
        _counts(head["most"], len(categories)),
        Recurrence(arrays["words"], arrays["counts"], int(head["texts"])),
        Vocabulary(arrays["known"], arrays["uses"]),
        tuple(_chain(arrays, number, 2 * len(group) + 1) for number, group in enumerate(groups)),
        Calibration(arrays["odds"], arrays["confidence"], float(head["threshold"])),
    )


def _counts(numbers: Any, categories: int) -> tuple[int, ...]:
    if len(numbers) != categories:
        raise ValueError("as many counts as categories")
    return tuple(int(number) for number in numbers)


def _chain(arrays: Arrays, number: int, tags: int) -> Chain:
    keys, starts, columns, values, steps = (arrays[name] for name in _of_chain(number))
    fits = (
        keys.ndim == 1
        and _ascending(keys)
        and steps.shape == (tags, tags)
        and bool((steps < 80).all() and np.isfinite(steps[:, 0]).all() and np.isfinite(values).all())
    )
    if not fits:
        raise ValueError("a chain that does not fit together")
    weights = sparse.csr_array((values, columns, starts), shape=(len(keys), tags))
    weights.check_format(full_check=True)
    return Chain(keys, weights, steps)


def _check(arrays: Arrays, categories: int) -> None:
    """Refuse arrays that do not fit together: it must not surface while predicting."""
    words, known, odds, curve = (arrays[name] for name in ("words", "known", "odds", "confidence"))
    fits = (
        words.ndim == known.ndim == odds.ndim == 1
        and _ascending(words)
        and _ascending(known)
        and words.shape == arrays["counts"].shape
        and arrays["uses"].shape == (len(known), categories)
        and odds.shape == curve.shape
        and len(odds) > 1
        and bool(np.isfinite(odds).all() and np.isfinite(curve).all())
    )
    if not fits:
        raise ValueError("parts that do not fit together")


def _ascending(values: NDArray[Any]) -> bool:
    return bool((values[1:] > values[:-1]).all())
