"""The reader of this machine: bytes of a document to its layout, without any model."""

from __future__ import annotations

from pipeline.reading.ocr import RapidOcr
from pipeline.reading.options import ReadOptions
from pipeline.reading.reader import read_layout
from pipeline.types import Layout


class LayoutReader:
    """Satisfies `ports.Reader`. One belongs to one worker process."""

    def __init__(self, *, dpi: int = 150) -> None:
        self._dpi = dpi
        self._recognizer = RapidOcr()

    def layout(self, content: bytes, *, max_pages: int, file_type: str | None = None) -> Layout:
        """The pages of a document. Raises DocumentError for what cannot be read."""
        options = ReadOptions(max_pages=max_pages, dpi=self._dpi, file_type=file_type)
        return read_layout(content, options, self._recognizer)
