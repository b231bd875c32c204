"""The names in a training folder, sorted into what belongs together. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.types import Blob

LABELS = ".labels.json"
LAYOUT = ".ocr.json"
FIELDS = "fields.json"
OWN = ".formpipe/"
"""The folder in which we keep what a service is to read of a training set and does not lie there."""
_SYSTEM_NAMES = frozenset({"thumbs.db", "desktop.ini", "__macosx", "$recycle.bin"})


@dataclass(frozen=True, slots=True)
class Listing:
    """`others` may be documents: only their content tells. The rest is told by name."""

    others: tuple[Blob, ...]
    labels: dict[str, Blob]
    layouts: dict[str, Blob]
    fields: tuple[Blob, ...]
    system: tuple[Blob, ...]

    @property
    def orphan_labels(self) -> tuple[tuple[str, Blob], ...]:
        return self._orphans(self.labels)

    @property
    def orphan_layouts(self) -> tuple[tuple[str, Blob], ...]:
        return self._orphans(self.layouts)

    def _orphans(self, files: dict[str, Blob]) -> tuple[tuple[str, Blob], ...]:
        """(name of the document that is not there, file)"""
        names = {blob.path for blob in self.others}
        return tuple((path, blob) for path, blob in files.items() if path not in names)


def sort_names(blobs: Iterable[Blob], leave_out: Iterable[str] = ()) -> Listing:
    """Sort a listing. `leave_out` are prefixes that do not belong to the training set."""
    others, fields, system = [], [], []
    labels: dict[str, Blob] = {}
    layouts: dict[str, Blob] = {}
    excluded = tuple(prefix for prefix in leave_out if prefix)
    for blob in blobs:
        if (excluded and blob.path.startswith(excluded)) or f"/{OWN}" in f"/{blob.path}":
            continue
        if _is_system(blob.path):
            system.append(blob)
        elif blob.path.endswith(LABELS):
            labels[blob.path.removesuffix(LABELS)] = blob
        elif blob.path.endswith(LAYOUT):
            layouts[blob.path.removesuffix(LAYOUT)] = blob
        elif base_name(blob.path) == FIELDS:
            fields.append(blob)
        else:
            others.append(blob)
    return Listing(tuple(others), labels, layouts, tuple(fields), tuple(system))


def base_name(path: str) -> str:
    """The last part of a blob path."""
    return path.rpartition("/")[2]


def _is_system(path: str) -> bool:
    """Files that operating systems and office programs leave behind, and everything in hidden folders."""
    parts = path.split("/")
    return any(part.startswith((".", "~$")) or part.lower() in _SYSTEM_NAMES for part in parts if part)
