"""How documents are read: limits and resolution, as one record."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Limits and choices of one reading.

    `max_pages`: pages read of one document. `dpi`: resolution in which pages without text are turned into
    pixels. `max_pixels`: an image with more is refused undecoded. `file_type`: the content type the
    parameter row demands, or None for any. `marks`, `tables`: look for them at all.
    """

    max_pages: int = 2000
    dpi: int = 150
    max_pixels: int = 60_000_000
    file_type: str | None = None
    marks: bool = True
    tables: bool = True
