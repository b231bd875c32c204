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
from pipeline.learning.tagger_fitting import TaggerModel
from pipeline.learning.tagger_vocabulary import Vocabulary

FORMAT = "formpipe-entities/1"
"""Changes whenever features or arrays change meaning: an older model is then trained again."""

_LARGEST = 256 * 1024 * 1024
_ARRAYS: Mapping[str, str] = {
    "words": "u8", "counts": "i4", "known": "u8", "uses": "i4", "keys": "u8", "starts": "i8", "tags": "i4",
    "weights": "f4", "steps": "f4", "odds": "f8", "confidence": "f8",
}  # fmt: skip


def tagger_to_bytes(model: TaggerModel) -> bytes:
    """The model as one zip; equal models give equal bytes."""
    arrays = {
        "words": model.recurrence.words,
        "counts": model.recurrence.counts,
        "known": model.vocabulary.words,
        "uses": model.vocabulary.counts,
        "keys": model.chain.keys,
        "starts": model.chain.weights.indptr,
        "tags": model.chain.weights.indices,
        "weights": model.chain.weights.data,
        "steps": model.chain.steps,
        "odds": model.calibration.odds,
        "confidence": model.calibration.confidence,
    }
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
            np.save(content, array.astype(f"<{_ARRAYS[name]}"), allow_pickle=False)
            _write(archive, f"{name}.npy", content.getvalue())
    return target.getvalue()


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
    names = {"model.json", *(f"{name}.npy" for name in _ARRAYS)}
    if set(archive.namelist()) != names or sum(entry.file_size for entry in archive.infolist()) > _LARGEST:
        raise ValueError("other members than expected, or too large")
    head = json.loads(archive.read("model.json"))
    if head["format"] != FORMAT:
        raise ValueError("another format")
    arrays = {name: _array(archive.read(f"{name}.npy"), kind) for name, kind in _ARRAYS.items()}
    categories = tuple(str(name) for name in head["categories"])
    _check(arrays, len(categories))
    return TaggerModel(
        categories,
        _counts(head["examples"], len(categories)),
        _counts(head["most"], len(categories)),
        Recurrence(arrays["words"], arrays["counts"], int(head["texts"])),
        Vocabulary(arrays["known"], arrays["uses"]),
        _chain(arrays, 2 * len(categories) + 1),
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


def _chain(arrays: Mapping[str, NDArray[Any]], tags: int) -> Chain:
    shape = (len(arrays["keys"]), tags)
    weights = sparse.csr_array((arrays["weights"], arrays["tags"], arrays["starts"]), shape=shape)
    weights.check_format(full_check=True)
    return Chain(arrays["keys"], weights, arrays["steps"])


def _check(arrays: Mapping[str, NDArray[Any]], categories: int) -> None:
    """Refuse arrays that do not fit together: it must not surface while predicting."""
    kinds = 2 * categories + 1
    steps = arrays["steps"]
    fits = (
        categories > 0
        and all(array.ndim == (2 if name in ("uses", "steps") else 1) for name, array in arrays.items())
        and arrays["words"].shape == arrays["counts"].shape
        and arrays["uses"].shape == (len(arrays["known"]), categories)
        and all(bool((np.diff(arrays[name].astype(object)) > 0).all()) for name in ("words", "known", "keys"))
        and steps.shape == (kinds, kinds)
        and bool((steps < 80).all() and np.isfinite(steps[:, 0]).all())
        and bool(np.isfinite(arrays["weights"]).all())
        and arrays["odds"].shape == arrays["confidence"].shape
        and len(arrays["odds"]) > 1
        and bool(np.isfinite(arrays["odds"]).all() and np.isfinite(arrays["confidence"]).all())
    )
    if not fits:
        raise ValueError("parts that do not fit together")
