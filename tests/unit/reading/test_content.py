from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import DocumentError
from pipeline.reading.content import content_type


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("BMP", "image/bmp"), ("TIFF", "image/tiff")],
)
def test_images_are_known_by_their_content(kind: str, expected: str) -> None:
    out = io.BytesIO()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(out, kind)
    assert content_type(out.getvalue()[:64]) == expected


@pytest.mark.parametrize(
    "head", [b"%PDF-1.4\n...", b"\x00\n junk before %PDF-1.7\n", b"\xef\xbb\xbf%PDF-1.4"]
)
def test_a_pdf_header_may_come_after_junk(head: bytes) -> None:
    assert content_type(head) == "application/pdf"


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"", "empty-file"),
        (b"<!DOCTYPE html><html><body>Not found", "unsupported-content"),
        (b"PK\x03\x04word/document.xml", "unsupported-content"),
        (b"\x00\x00\x00\x01Bud1\x00", "unsupported-content"),
        (b"just some text", "unsupported-content"),
        (b" " * 2000 + b"%PDF-1.4", "unsupported-content"),
    ],
)
def test_everything_else_is_refused_by_name(head: bytes, reason: str) -> None:
    with pytest.raises(DocumentError) as caught:
        content_type(head)
    assert caught.value.reason == reason
