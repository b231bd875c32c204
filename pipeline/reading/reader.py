"""Bytes of a document -> its layout."""

from __future__ import annotations

from pipeline.errors import DocumentError
from pipeline.reading.content import HEAD_LENGTH, PDF, content_type
from pipeline.reading.glyphs import without_boxes
from pipeline.reading.image import Frame, count_frames, frames
from pipeline.reading.lines import group_lines
from pipeline.reading.ocr import RapidOcr
from pipeline.reading.ocr_words import page_angle, placed, word_turn
from pipeline.reading.options import ReadOptions
from pipeline.reading.pdf import count_pdf_pages, read_pdf
from pipeline.reading.structure import View, marks_in, tables_in
from pipeline.types import Layout, Page


def count_pages(content: bytes) -> int:
    """Pages of a document, read or not.

    Raises DocumentError as `read_layout`, apart from faults that show only when pages are read.
    """
    if content_type(content[:HEAD_LENGTH]) == PDF:
        return count_pdf_pages(content)
    return count_frames(content)


def read_layout(content: bytes, options: ReadOptions, recognizer: RapidOcr | None) -> Layout:
    """The layout of a PDF (inches) or an image (pixels); without a recogniser only what is text already.

    Raises DocumentError: `empty-file`, `unsupported-content`, `other-file-type`, `password-protected`,
    `damaged-pdf`, `no-pages`, `damaged-image`, `image-too-large`.
    """
    kind = content_type(content[:HEAD_LENGTH])
    if options.file_type and kind != _canonical(options.file_type):
        raise DocumentError(
            f"The content is {kind}, the row's file_type is {options.file_type}: "
            "empty the column or move the file.",
            reason="other-file-type",
        )
    if kind == PDF:
        return read_pdf(content, options, recognizer)
    count = count_frames(content)
    pages = tuple(
        _image_page(frame, number, options, recognizer)
        for number, frame in enumerate(frames(content, options.max_pages, options.max_pixels), start=1)
    )
    return Layout(pages, count)


def _canonical(file_type: str) -> str:
    return {"image/tif": "image/tiff", "image/jpg": "image/jpeg"}.get(file_type.lower(), file_type.lower())


def _image_page(frame: Frame, number: int, options: ReadOptions, recognizer: RapidOcr | None) -> Page:
    height, width = frame.pixels.shape[:2]
    view = View(frame.pixels, frame.dpi, float(frame.reduction))
    found = recognizer.read(view.image, view.dpi) if recognizer else []
    angle = page_angle(found, view.image)
    words = [placed(word, view.scale) for word in found]
    marks = marks_in(view, words) if options.marks else []
    kept = without_boxes(words, marks)
    tables = tables_in(view, [word for word in kept if word], angle) if options.tables else []
    pairs = [(word, word_turn(item)) for word, item in zip(kept, found, strict=True) if word]
    return Page(
        number=number,
        width=float(width * frame.reduction),
        height=float(height * frame.reduction),
        unit="pixel",
        lines=tuple(group_lines([word for word, _ in pairs], [turn for _, turn in pairs], angle)),
        selection_marks=tuple(marks),
        tables=tuple(tables),
        angle=angle,
        used_ocr=recognizer is not None,
    )
