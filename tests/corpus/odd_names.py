"""Sound invoices under odd names, and files that are no documents at all."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

from .cases import DEAD, LOADED, PASSED_OVER, PERHAPS_LISTED, UNSUPPORTED, Case, case, sound_invoice

_NAMES = (
    "invoice.pdf",
    "UPPER CASE.PDF",
    "with several spaces .pdf",
    " leading space.pdf",
    "hash #7.pdf",
    "100% sure.pdf",
    "percent%2e%2e%2fescaped.pdf",
    "question?mark=1&x=2.pdf",
    "plus+semi;comma,at@.pdf",
    "apostrophe's.pdf",
    'double "quotes".pdf',
    "back\\slash.pdf",
    "brackets [1] {2} (3).pdf",
    "$HOME `id`.pdf",
    "-rf.pdf",
    "...dots..pdf",
    "no_suffix",
    "wrong suffix.jpg",
    "emoji 🧾✅.pdf",
    "größe_ürün_šek.pdf",
    "gro\u0308ße_decomposed.pdf",
    "فاتورة_חשבונית.pdf",
    "right_to_left_\u202emark.pdf",
    "zero_width_\u200b_joiner.pdf",
    "発注書.pdf",
    "line\nbreak.pdf",
    "tab\tstop.pdf",
    "drop'); DROP TABLE document;--.pdf",
    "<b>markup</b>&amp;.pdf",
    "NUL.pdf",
    "n" * 200 + ".pdf",
    "report.pdf.pdf",
)


def cases() -> Iterator[Case]:
    for name in _NAMES:
        yield case(name, "nothing but its name", sound_invoice(name), LOADED)
    below = "deep/er/folder/invoice.pdf"
    yield case(below, "in a folder of the backlog", sound_invoice(below), PERHAPS_LISTED)
    twin = sound_invoice("twin")
    yield case("twin_one.pdf", "equal to twin_two.pdf", twin, LOADED)
    yield case("twin_two.pdf", "equal to twin_one.pdf", twin, LOADED)
    yield from _no_documents()
    yield from _of_the_system()


def _no_documents() -> Iterator[Case]:
    page = b"<!DOCTYPE html><html><body><h1>Sign in</h1><p>Your session has expired.</p></body></html>"
    yield case("empty.pdf", "no bytes at all", b"", DEAD, frozenset({"empty-file"}))
    yield case("empty.jpg", "no bytes at all", b"", DEAD, frozenset({"empty-file"}))
    yield case("one_byte.pdf", "one byte", b"%", DEAD, UNSUPPORTED)
    yield case("zeros.pdf", "4 kB of zero bytes", bytes(4096), DEAD, UNSUPPORTED)
    yield case("html.pdf", "an HTML page that is named PDF", page, DEAD, UNSUPPORTED)
    yield case("archive.pdf", "a zip archive that is named PDF", _archive("a.txt"), DEAD, UNSUPPORTED)
    yield case("letter.docx", "a word processor's file", _archive("word/document.xml"), DEAD, UNSUPPORTED)
    yield case("notes.txt", "plain text", b"Invoice No. 48213\nTotal Due $1,204.50\n", DEAD, UNSUPPORTED)


def _archive(inner: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo(inner), "Invoice No. 48213")
    return buffer.getvalue()


def _of_the_system() -> Iterator[Case]:
    store = b"\x00\x00\x00\x01Bud1\x00\x00\x10\x00\x00\x00\x08\x00" + bytes(4000)
    thumbs = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2048)
    lock = b"\x05Alma " + bytes(150)
    yield case(".DS_Store", "a file of macOS", store, PASSED_OVER, UNSUPPORTED)
    yield case("Thumbs.db", "a file of Windows", thumbs, PASSED_OVER, UNSUPPORTED)
    yield case("desktop.ini", "a file of Windows", b"[.ShellClassInfo]\r\n", PASSED_OVER, UNSUPPORTED)
    yield case("~$letter.docx", "a lock file", lock, PASSED_OVER, UNSUPPORTED)
    yield case(
        "._invoice.pdf", "a resource fork of macOS", b"\x00\x05\x16\x07" + bytes(90), PASSED_OVER, UNSUPPORTED
    )
