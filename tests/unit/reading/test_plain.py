"""Plain text is told by its content, and by nothing else."""

from __future__ import annotations

import pytest

from pipeline.errors import DocumentError
from pipeline.reading.plain import plain_text
from tests.unit.learning.entity_texts import letter

BMP = b"BM\x46\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00(\x00\x00\x00"


@pytest.mark.parametrize(
    "text",
    [
        "BMW agrees to pay",
        "OTTO GmbH",
        "ID3 tags are described below",
        "<p>a letter</p>",
        "  \n",
        "Zoë 🎉\r\n\tat 5 €",
        "page one\fpage two",
        letter(3).text,
    ],
)
def test_text_is_text_however_it_begins(text: str) -> None:
    assert plain_text(text.encode()) == text
    assert plain_text(text.encode("utf-8-sig")) == text


@pytest.mark.parametrize(
    "content", [b"%PDF-1.4\n1 0 obj", b"\n%PDF-1.7\n%\xe2\xe3", BMP, b"\x89PNG\r\n\x1a\n" + b"\0" * 20]
)
def test_documents_of_other_types_are_left_to_the_reader(content: bytes) -> None:
    assert plain_text(content) is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty-file"),
        ("Größe".encode("latin-1"), "text-not-utf-8"),
        ("Größe".encode("utf-16"), "text-not-utf-8"),
        (b"PK\x03\x04\x14\x00\x06\x00" + b"\0" * 30, "unsupported-content"),
        (bytes(range(256)), "unsupported-content"),
        (b"text with a \0 in it", "unsupported-content"),
    ],
)
def test_what_is_no_document_is_named(content: bytes, reason: str) -> None:
    with pytest.raises(DocumentError) as caught:
        plain_text(content)
    assert caught.value.reason == reason
