"""Some pages of a document as a document of its own."""

from __future__ import annotations

import io

import pypdfium2 as pdfium
from PIL import Image, ImageSequence

from pipeline.errors import DocumentError
from pipeline.reading.content import HEAD_LENGTH, PDF, content_type
from pipeline.reading.image import count_frames
from pipeline.reading.pdf import count_pdf_pages


def cut(content: bytes, first: int, last: int) -> bytes:
    """The pages from the first to the last, counted from 1, of a PDF or an image with several; form fields of
    a PDF stay. Raises DocumentError as `count_pages`, and `pages-missing` where there are fewer."""
    pdf = content_type(content[:HEAD_LENGTH]) == PDF
    there = count_pdf_pages(content) if pdf else count_frames(content)
    if not 1 <= first <= last <= there:
        raise DocumentError(
            f"Pages {first} to {last} were routed here, but there are {there}: run again.",
            reason="pages-missing",
        )
    if (first, last) == (1, there):
        return content
    return _cut_pdf(content, first, last) if pdf else _cut_image(content, first, last)


def _cut_pdf(content: bytes, first: int, last: int) -> bytes:
    """The other pages are taken out: what is copied page by page loses its form fields."""
    document = pdfium.PdfDocument(content)
    try:
        for index in range(len(document) - 1, -1, -1):
            if not first <= index + 1 <= last:
                del document[index]
        made = io.BytesIO()
        document.save(made)
    finally:
        document.close()
    return made.getvalue()


def _cut_image(content: bytes, first: int, last: int) -> bytes:
    """Pixels as they are, without loss; what only a TIFF can hold."""
    made = io.BytesIO()
    try:
        with Image.open(io.BytesIO(content)) as image:
            frames = [frame.copy() for frame in ImageSequence.Iterator(image)][first - 1 : last]
            dpi = image.info.get("dpi")
            kept = {"dpi": dpi} if dpi else {}
            frames[0].save(
                made,
                "TIFF",
                save_all=True,
                append_images=frames[1:],
                compression="tiff_deflate",
                **kept,
            )
    except (OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError) as error:
        raise DocumentError(
            f"The pages of the image cannot be told apart ({type(error).__name__}): scan it again.",
            reason="damaged-image",
        ) from error
    return made.getvalue()
