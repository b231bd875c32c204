"""Fitted models as bytes and back: a JSON head and plain arrays in one zip, no code, nothing unknown."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import RowError

Head = Mapping[str, Any]
Arrays = Mapping[str, NDArray[Any]]
Kinds = Mapping[str, str]
"""The type of each array, by its name."""

_LARGEST = 256 * 1024 * 1024
_UNREADABLE = (
    zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, IndexError, EOFError,
    NotImplementedError, RuntimeError, OSError, MemoryError, OverflowError, zlib.error,
)  # fmt: skip


def pack(form: str, head: Head, arrays: Arrays, kinds: Kinds) -> bytes:
    """One zip of the format `form`; equal models give equal bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        _write(archive, "model.json", json.dumps({"format": form, **head}, sort_keys=True).encode())
        for name, kind in kinds.items():
            content = io.BytesIO()
            np.save(content, arrays[name].astype(f"<{kind}"), allow_pickle=False)
            _write(archive, f"{name}.npy", content.getvalue())
    return target.getvalue()


def unpack(form: str, data: bytes, kinds_of: Callable[[Head], Kinds]) -> tuple[Head, Arrays]:
    """Head and arrays of what `pack` wrote: exactly those that `kinds_of` the head names, without NaN. To be
    called within `readable`."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > _LARGEST:
            raise ValueError("too large")
        head = json.loads(archive.read("model.json"))
        if head["format"] != form:
            raise ValueError("another format")
        kinds = kinds_of(head)
        if set(archive.namelist()) != {"model.json", *(f"{name}.npy" for name in kinds)}:
            raise ValueError("other members than expected")
        return head, {name: _array(archive.read(f"{name}.npy"), kind) for name, kind in kinds.items()}


@contextmanager
def readable(form: str) -> Iterator[None]:
    """Whatever goes wrong while bytes become a model ends its row: RowError (`model-unreadable`)."""
    try:
        yield
    except _UNREADABLE as error:
        raise RowError(
            f"This is no model of format {form} ({type(error).__name__}): train it again.",
            reason="model-unreadable",
        ) from error


def finite(arrays: Arrays) -> bool:
    """Whether every number is one."""
    return all(np.isfinite(array).all() for array in arrays.values() if array.dtype.kind == "f")


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)


def _array(content: bytes, kind: str) -> NDArray[Any]:
    array: NDArray[Any] = np.load(io.BytesIO(content), allow_pickle=False)
    if array.dtype != np.dtype(f"<{kind}") or (array.dtype.kind == "f" and np.isnan(array).any()):
        raise ValueError("an array of another type")
    return array
