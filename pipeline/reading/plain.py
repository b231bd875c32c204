"""Plain text: what counts as it, and what it says."""

from __future__ import annotations

import re

from pipeline.errors import DocumentError
from pipeline.reading.content import HEAD_LENGTH, content_type

TEXT = "text/plain"

_CONTROLS = re.compile("[\x00-\x08\x0e-\x19\x1b-\x1f\x7f]")
"""What no text has, but for tabs, line ends, form feeds and the end-of-file sign of old systems."""
_WIDE = (b"\xff\xfe", b"\xfe\xff")


def plain_text(content: bytes) -> str | None:
    """The text of a content that is UTF-8 text (with or without a byte order mark), None for a document of
    another type that can be read: PDF or image. Told by the content: text may begin like an image (`BM`).

    Raises DocumentError: `empty-file`; `text-not-utf-8` for text in another encoding; `unsupported-content`.
    """
    text = _decoded(content)
    if text is not None and not text.lstrip().startswith("%PDF-"):
        return text
    try:
        content_type(content[:HEAD_LENGTH])
    except DocumentError as error:
        if error.reason == "unsupported-content" and _is_other_text(content):
            raise DocumentError(
                "The text is not in UTF-8: save it in that encoding and upload it again.",
                reason="text-not-utf-8",
            ) from error
        raise
    return None


def _decoded(content: bytes) -> str | None:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return text if text and not _CONTROLS.search(text) else None


def _is_other_text(content: bytes) -> bool:
    """Whether it looks like text in UTF-16 or in one byte a character."""
    return content.startswith(_WIDE) or not _CONTROLS.search(content.decode("latin-1"))
