"""PDF files put together object by object, so that any part of them can be wrong on purpose."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

CATALOG = b"<< /Type /Catalog /Pages 2 0 R >>"
PAGES = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
TEXT = (
    b"BT /F1 12 Tf 72 700 Td 18 TL (Invoice No. 48213) Tj T* (Invoice Date 03/14/2024) Tj T* "
    b"(Bill To) Tj T* (Cedar Point Foods LLC) Tj T* (Total Due $1,204.50) Tj ET"
)


def stream(data: bytes, extra: bytes = b"", length: bytes | None = None) -> bytes:
    """A stream object; `length` overrides the true one."""
    size = str(len(data)).encode() if length is None else length
    return b"<< /Length " + size + b" " + extra + b" >>\nstream\n" + data + b"\nendstream"


def deflated(data: bytes) -> bytes:
    return stream(zlib.compress(data, 9), b"/Filter /FlateDecode")


def page(extra: bytes = b"", media_box: bytes = b"/MediaBox [0 0 612 792]") -> bytes:
    """A page whose content is object 4; `extra` may bring resources of its own."""
    resources = b"" if b"/Resources" in extra else b"/Resources << /Font << /F1 5 0 R >> >>"
    entries = b" ".join((media_box, resources, extra))
    return b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R " + entries + b" >>"


def objects(**changed: bytes) -> dict[int, bytes]:
    """The objects of a sound one-page file with a little text; `o3=b"..."` replaces or adds object 3."""
    sound = {1: CATALOG, 2: PAGES, 3: page(), 4: stream(TEXT), 5: FONT}
    return sound | {int(name[1:]): body for name, body in changed.items()}


def pdf(parts: Mapping[int, bytes], trailer: bytes = b"", xref_shift: int = 0) -> bytes:
    """The file of these objects with a cross-reference table (wrong by `xref_shift` bytes)."""
    body = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    offsets = {}
    for number, part in sorted(parts.items()):
        offsets[number] = len(body) + xref_shift
        body += b"%d 0 obj\n" % number + part + b"\nendobj\n"
    start = len(body)
    body += b"xref\n0 %d\n0000000000 65535 f \n" % (max(parts) + 1)
    for number in range(1, max(parts) + 1):
        body += b"%010d 00000 n \n" % offsets[number] if number in offsets else b"0000000000 65535 f \n"
    body += b"trailer\n<< /Size %d /Root 1 0 R %s >>\n" % (max(parts) + 1, trailer)
    body += b"startxref\n%d\n%%%%EOF\n" % (start + xref_shift)
    return bytes(body)
