"""A fitted tagger as bytes and back: a JSON head and plain arrays in one zip, no code, nothing unknown."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pipeline.errors import RowError
from pipeline.learning.calibration import Calibration
from pipeline.learning.recurrence import Recurrence
from pipeline.learning.tagger_chain import Chain
from pipeline.learning.tagger_fitting import TaggerModel, groups_of
from pipeline.learning.tagger_vocabulary import Vocabulary

FORMAT = "formpipe-entities/1"
"""Changes whenever features or arrays change meaning: an older model is then trained again."""

_LARGEST = 256 * 1024 * 1024
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
    kinds = dict(_ARRAYS)
    for number, chain in enumerate(model.chains):
        kinds |= _kinds(number)
        parts = (chain.keys, chain.weights.indptr, chain.weights.indices, chain.weights.data, chain.steps)
        arrays |= dict(zip(_kinds(number), parts, strict=True))
    head = {
        "format": FORMAT,
        "categories": model.categories,
        "examples": model.examples,
        "most": model.most,
        "texts": model.recurrence.forms,
        "threshold": model.calibration.threshold,
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        _write(archive, "model.json", json.dumps(head, sort_keys=True).encode())
        for name, array in arrays.items():
            content = io.BytesIO()
            np.save(content, array.astype(f"<{kinds[name]}"), allow_pickle=False)
            _write(archive, f"{name}.npy", content.getvalue())
    return target.getvalue()


def _kinds(number: int) -> dict[str, str]:
    """Names and types of a chain's arrays."""
    return {f"{name}{number}": kind for name, kind in _OF_CHAIN.items()}


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)


def tagger_from_bytes(data: bytes) -> TaggerModel:
    """The model in `data`. Raises RowError (`model-unreadable`) for anything not written by this format."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _read(archive)
    except (
        zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, IndexError, EOFError,
        NotImplementedError, RuntimeError, OSError, MemoryError, zlib.error,
    ) as error:  # fmt: skip
        raise RowError(
            f"This is no entity model of format {FORMAT} ({type(error).__name__}): train it again.",
            reason="model-unreadable",
        ) from error


def _read(archive: zipfile.ZipFile) -> TaggerModel:
    if sum(entry.file_size for entry in archive.infolist()) > _LARGEST:
        raise ValueError("too large")
    head = json.loads(archive.read("model.json"))
    if head["format"] != FORMAT:
        raise ValueError("another format")
    categories = tuple(str(name) for name in head["categories"])
    if not categories:
        raise ValueError("no categories")
    groups = groups_of(len(categories))
    kinds = dict(_ARRAYS)
    for number in range(len(groups)):
        kinds |= _kinds(number)
    if set(archive.namelist()) != {"model.json", *(f"{name}.npy" for name in kinds)}:
        raise ValueError("other members than expected")
    arrays = {name: _array(archive.read(f"{name}.npy"), kind) for name, kind in kinds.items()}
    _check(arrays, len(categories))
    return TaggerModel(
        categories,
        _counts(head["examples"], len(categories)),
        _counts(head["most"], len(categories)),
        Recurrence(arrays["words"], arrays["counts"], int(head["texts"])),
        Vocabulary(arrays["known"], arrays["uses"]),
        tuple(_chain(arrays, number, 2 * len(group) + 1) for number, group in enumerate(groups)),
        Calibration(arrays["odds"], arrays["confidence"], float(head["threshold"])),
    )


def _array(content: bytes, kind: str) -> NDArray[Any]:
    array: NDArray[Any] = np.load(io.BytesIO(content), allow_pickle=False)
    if array.dtype != np.dtype(f"<{kind}") or (array.dtype.kind == "f" and np.isnan(array).any()):
        raise ValueError("an array of another type")
    return array


def _counts(numbers: Any, categories: int) -> tuple[int, ...]:
    if len(numbers) != categories:
        raise ValueError("as many counts as categories")
    return tuple(int(number) for number in numbers)


def _chain(arrays: Mapping[str, NDArray[Any]], number: int, tags: int) -> Chain:
    keys, starts, columns, values, steps = (arrays[name] for name in _kinds(number))
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


def _check(arrays: Mapping[str, NDArray[Any]], categories: int) -> None:
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
