"""Documents that are wrong in one to four ways. A mutant is made of a seed and its number alone."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from PIL import Image, ImageDraw

from pipeline.demo.invoice_layouts import INVOICE
from tests.corpus import broken_pdfs

FORMS = Path(__file__).parents[2].parent / "shared" / "forms"
_LARGEST_SEED = 40_000
_TOKENS = (
    b"endobj", b"endstream", b"stream\r\n", b"xref", b"trailer", b"startxref 0", b"%%EOF", b"/Length 0",
    b"/Length -1", b"/Length 99999999999", b"/Count 2147483647", b"/Count -5", b"/Kids[3 0 R 3 0 R]", b"<<",
    b"/Parent 3 0 R", b"/MediaBox[0 0 1e9 1e9]", b"/MediaBox[0 0 0 0]", b"/MediaBox[9 9 -9 -9]",
    b"/Filter[/FlateDecode/FlateDecode]", b"/Filter/LZWDecode", b"/Encrypt 9 0 R", b"/W[1 99 99]", b"1 0 R",
    b"/Predictor 15/Columns 2147483647", b"/Font<</F1 1 0 R>>", b"BT /F1 1e38 Tf", b"q " * 300,
    b"\xff\xd9", b"\xff\xda", b"\xff\xc0\x00\x11\x08\xff\xff\xff\xff", b"\xff\xc4\x00\x03", b"IDAT",
    b"\x7f\xff\xff\xff\x7f\xff\xff\xff", b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"II*\x00", b"BM",
    b">>", b"/Rotate 45", b"\xff\xd8\xff", b"IEND", b"IHDR", b"MM\x00*",
    b"\x89PNG\r\n\x1a\n", b"%PDF-9.9", b"GIF89a", b"PK\x03\x04", b"\x00" * 64, b"-2147483648", b"4294967296",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mutant:
    """`recipe` says what it was made of, and how."""

    number: int
    recipe: str
    content: bytes


def mutant(seed: int, number: int) -> Mutant:
    random = Random(f"documents {seed} {number}")
    name, content = random.choice(_pictures() if random.random() < 0.12 else _papers())
    told = [name]
    for _ in range(random.choice((1, 1, 2, 3, 4))):
        step = random.choice(_STEPS)
        content, said = step(content, random)
        told.append(said)
    return Mutant(number, f"#{number} (seed {seed}): {', '.join(told)}", content)


# --- sound ones ---------------------------------------------------------------------------------------


@cache
def _papers() -> tuple[tuple[str, bytes], ...]:
    drawn = [(f"invoice {layout}", INVOICE.draw(layout, Random(layout)).pdf) for layout in INVOICE.layouts]
    drawn += [(case.document.name, case.body) for case in broken_pdfs.cases() if len(case.body) < 8_000]
    return (*drawn, *real_forms())


def real_forms() -> tuple[tuple[str, bytes], ...]:
    """Small PDF files of the real forms, where they are on this machine."""
    files = sorted(file for file in FORMS.rglob("*.pdf") if file.stat().st_size < _LARGEST_SEED)
    return tuple((file.name, file.read_bytes()) for file in files[:20])


@cache
def _pictures() -> tuple[tuple[str, bytes], ...]:
    kinds = ("PNG", "JPEG", "TIFF", "BMP")
    return (
        *((f"picture.{kind.lower()}", _picture(kind)) for kind in kinds),
        ("pages.tiff", _picture("TIFF", 3)),
    )


def _picture(kind: str, pages: int = 1) -> bytes:
    frames = []
    for number in range(pages):
        frame = Image.new("L", (160, 60), 255)
        ImageDraw.Draw(frame).text((8, 20), f"Total {number}12.50", fill=0)
        frames.append(frame)
    stream = io.BytesIO()
    more = {"save_all": True, "append_images": frames[1:]} if pages > 1 else {}
    frames[0].save(stream, kind, **more)
    return stream.getvalue()


# --- what is done to them -----------------------------------------------------------------------------

_Step = Callable[[bytes, Random], tuple[bytes, str]]


def _place(content: bytes, random: Random) -> int:
    return random.randrange(len(content) + 1)


def _bits(content: bytes, random: Random) -> tuple[bytes, str]:
    changed, count = bytearray(content), random.choice((1, 4, 32, 200))
    for _ in range(count if content else 0):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed), f"{count} bits"


def _cut(content: bytes, random: Random) -> tuple[bytes, str]:
    end = _place(content, random)
    return content[:end], f"cut at {end}"


def _gap(content: bytes, random: Random) -> tuple[bytes, str]:
    start = _place(content, random)
    length = random.choice((1, 16, 400))
    return content[:start] + content[start + length :], f"{length} bytes out at {start}"


def _token(content: bytes, random: Random) -> tuple[bytes, str]:
    start, token = _place(content, random), random.choice(_TOKENS)
    end = start + random.choice((0, len(token)))
    return content[:start] + token + content[end:], f"{token[:20]!r} at {start}"


def _again(content: bytes, random: Random) -> tuple[bytes, str]:
    start, times = _place(content, random), random.choice((1, 8, 200))
    chunk = content[start : start + random.choice((8, 120, 1000))]
    return content[:start] + chunk * times + content[start:], f"{len(chunk)} bytes {times} times at {start}"


def _splice(content: bytes, random: Random) -> tuple[bytes, str]:
    name, other = random.choice((*_papers(), *_pictures()))
    start, begin = _place(content, random), _place(other, random)
    return content[:start] + other[begin:], f"goes on as {name} at {start}"


def _head(content: bytes, random: Random) -> tuple[bytes, str]:
    name, other = random.choice((*_papers(), *_pictures()))
    length = random.choice((4, 16, 64))
    return other[:length] + content[length:], f"the head of {name}"


def _number(content: bytes, random: Random) -> tuple[bytes, str]:
    """A number that stands there, changed: lengths, offsets, sizes."""
    places = [i for i in range(len(content)) if content[i : i + 1].isdigit()]
    if not places:
        return _bits(content, random)
    start = random.choice(places)
    value = random.choice((b"0", b"-1", b"65536", b"2147483648", b"99999999999999999999", b"1e38"))
    return content[:start] + value + content[start + 1 :], f"{value.decode()} at {start}"


_STEPS: tuple[_Step, ...] = (
    _bits,
    _bits,
    _cut,
    _gap,
    _token,
    _token,
    _again,
    _splice,
    _head,
    _number,
    _number,
)
