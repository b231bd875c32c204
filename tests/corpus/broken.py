"""A folder of broken and odd documents, each with the outcomes that are acceptable for it.

It is meant as the backlog of a form type that was trained on the demo's `purchase_invoice`: sound
invoices among them must be `loaded`, and no document may harm another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from . import broken_images, broken_pdfs, odd_names
from .cases import Broken, Case

__all__ = ["Broken", "cases", "write_broken"]


def cases() -> Iterator[Case]:
    """Every document with its bytes; the same ones each time."""
    yield from odd_names.cases()
    yield from broken_pdfs.cases()
    yield from broken_images.cases()


def write_broken(folder: Path) -> list[Broken]:
    """Write the corpus below `folder` and answer what was written, in name order.

    A name that the file system refuses (a line break, a quote) is left out of both.
    """
    written = [document for document, body in cases() if _write(folder / document.name, body)]
    return sorted(written, key=lambda document: document.name)


def _write(path: Path, body: bytes) -> bool:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.write_bytes(body)
    except OSError:
        return False
    return path.name in {entry.name for entry in path.parent.iterdir()}
