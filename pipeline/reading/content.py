"""What a document is, by its first bytes: the suffix of a name is never trusted."""

from __future__ import annotations

import filetype

from pipeline.errors import DocumentError

PDF = "application/pdf"
JPEG = "image/jpeg"
PNG = "image/png"
BMP = "image/bmp"
TIFF = "image/tiff"
SUPPORTED = (PDF, JPEG, PNG, BMP, TIFF)

HEAD_LENGTH = 4096
_PDF_SEARCH = 1024
"""Readers accept a header anywhere in the first 1,024 bytes (ISO 32000-1, annex H, note 13)."""


def content_type(head: bytes) -> str:
    """The content type of a document from its first bytes (HEAD_LENGTH of them are enough).

    Raises DocumentError: `empty-file`, `unsupported-content`.
    """
    if not head:
        raise DocumentError("The file is empty: upload it again.", reason="empty-file")
    kind = filetype.guess_mime(head)
    if kind in SUPPORTED:
        return str(kind)
    if b"%PDF-" in head[:_PDF_SEARCH]:
        return PDF
    found = kind or ("HTML or XML" if head.lstrip()[:1] == b"<" else "unknown")
    raise DocumentError(
        f"The content is neither PDF, JPEG, PNG, BMP nor TIFF (found: {found}): remove or convert it.",
        reason="unsupported-content",
    )
