"""Images that are cut, too large, of a rare kind, or something else altogether."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .cases import DEAD, POOR, READ, TOO_LARGE, UNSUPPORTED, Case, case
from .raw_pdf import objects, page, pdf, stream

_NOTE = ("Invoice No. 70314", "Invoice Date 05/21/2024", "Total Due $418.20")
_SIZE = (560, 220)


def cases() -> Iterator[Case]:
    for family in (_sound, _cut, _odd_pixels, _bombs, _tiffs, _not_images):
        yield from family()


def note() -> Image.Image:
    """A small grey picture of three printed lines."""
    image = Image.new("L", _SIZE, 250)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(30)
    for row, text in enumerate(_NOTE):
        draw.text((24, 20 + 62 * row), text, fill=20, font=font)
    return image


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _sound() -> Iterator[Case]:
    yield case("note.jpg", "nothing: a small sound picture", encoded(note(), "JPEG", quality=90), READ)
    yield case("picture.pdf", "a PDF with a picture and no text", _picture_pdf(), READ)
    yield case("jpeg_named.tif", "a JPEG that is named TIFF", encoded(note(), "JPEG", quality=91), READ)
    yield case("jpeg_named.pdf", "a JPEG that is named PDF", encoded(note(), "JPEG", quality=92), READ)


def _picture_pdf() -> bytes:
    kind = b"/Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 " % _SIZE
    picture = stream(encoded(note(), "JPEG", quality=93), kind + b"/Filter /DCTDecode")
    resources = b"/Resources << /XObject << /I 6 0 R >> >>"
    drawn = stream(b"420 0 0 165 80 560 cm /I Do")
    return pdf(objects(o3=page(resources), o4=drawn, o6=picture))


def _cut() -> Iterator[Case]:
    jpeg, png = encoded(note(), "JPEG", quality=90), encoded(note(), "PNG")
    yield case("jpeg_half.jpg", "a JPEG that ends in the middle", jpeg[: len(jpeg) // 2])
    yield case("jpeg_start_only.jpg", "a JPEG of four bytes", jpeg[:4], DEAD)
    yield case(
        "jpeg_false_size.jpg",
        "a JPEG that says 65,500 pixels a side",
        _jpeg_of_size(jpeg, 65_500),
        DEAD,
        TOO_LARGE,
    )
    yield case("png_half.png", "a PNG that ends in the middle", png[: len(png) // 2])
    yield case("png_wrong_checksum.png", "a PNG whose checksums are wrong", _with_flipped_bits(png))
    bmp = encoded(note(), "BMP")
    yield case("bmp_half.bmp", "a BMP that ends in the middle", bmp[: len(bmp) // 2])
    yield case(
        "bmp_false_size.bmp", "a BMP with a negative size", bmp[:18] + struct.pack("<ii", -7, -9) + bmp[26:]
    )


def _jpeg_of_size(jpeg: bytes, side: int) -> bytes:
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + struct.pack(">HH", side, side) + jpeg[at + 4 :]


def _with_flipped_bits(png: bytes) -> bytes:
    at = png.index(b"IDAT") + 40
    return png[:at] + bytes(byte ^ 0x55 for byte in png[at : at + 8]) + png[at + 8 :]


def _odd_pixels() -> Iterator[Case]:
    grey = note()
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    clear = Image.merge("LA", (grey, Image.new("L", grey.size, 0)))
    colours = grey.convert("P", palette=Image.Palette.ADAPTIVE, colors=16)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(grey.rotate(90, expand=True), "JPEG", quality=90, exif=exif)
    yield case("cmyk.jpg", "a JPEG in CMYK", encoded(grey.convert("CMYK"), "JPEG", quality=90), READ)
    yield case("grey_16_bit.png", "a PNG with 16-bit grey", encoded(deep, "PNG"), READ)
    yield case(
        "palette.png", "a PNG with a palette and a clear colour", encoded(colours, "PNG", transparency=0)
    )
    yield case("all_clear.png", "a PNG that is wholly transparent", encoded(clear, "PNG"))
    yield case("turned_by_exif.jpg", "a JPEG that is to be turned", turned)
    yield case("one_bit.png", "a PNG in black and white", encoded(grey.convert("1"), "PNG"), READ)
    yield case("blank.png", "a PNG of white paper", encoded(Image.new("L", _SIZE, 255), "PNG"), POOR)
    yield case("one_pixel.png", "a PNG of one pixel", encoded(Image.new("L", (1, 1), 255), "PNG"), POOR)
    yield case("strip.png", "20,000 pixels by one", encoded(Image.new("L", (20_000, 1), 200), "PNG"), POOR)
    yield case("zero_size.png", "a PNG of no pixels", _png(0, 0, b""), DEAD)


def _bombs() -> Iterator[Case]:
    rows = zlib.compress(bytes((60_000 // 8 + 1) * 2_000), 9)
    yield case("bomb.png", "a PNG of 3.6 billion pixels", _png(60_000, 60_000, rows), DEAD, TOO_LARGE)
    yield case("bomb.tif", "a TIFF of 3.6 billion pixels", _tiff(60_000, rows), DEAD, TOO_LARGE)


def _png(width: int, height: int, rows: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, (b"IHDR", b"IDAT", b"IEND"), (head, rows, b"")))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _tiff(side: int, rows: bytes, following: int = 0) -> bytes:
    """A TIFF of one bilevel deflated strip (tags of TIFF 6.0); `following`: offset of the next directory."""
    tags = (
        (256, side),
        (257, side),
        (258, 1),
        (259, 8),
        (262, 1),
        (273, 8),
        (277, 1),
        (278, side),
        (279, len(rows)),
    )
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    directory = struct.pack("<H", len(tags)) + entries + struct.pack("<I", following)
    return b"II*\x00" + struct.pack("<I", 8 + len(rows)) + rows + directory


def _tiffs() -> Iterator[Case]:
    pages = [note(), note().rotate(1, fillcolor=250)]
    two = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:], compression="tiff_adobe_deflate")
    rows = zlib.compress(b"\xff" * 8 * 64, 9)
    at = two.rindex(b"\x78\x9c", 0, len(two) - 200)
    broken = two[: at + 20] + bytes(400) + two[at + 420 :]
    yield case("two_pages.tif", "nothing: a TIFF of two pages", two, READ)
    yield case("second_page_broken.tif", "a TIFF whose second page is damaged", broken, POOR)
    yield case("directory_loop.tif", "a TIFF whose directory follows itself", _tiff(64, rows, 8 + len(rows)))
    yield case("no_directory.tif", "a TIFF without pages", b"II*\x00\x00\x00\x00\x00", DEAD)
    yield case(
        "directory_far_away.tif", "a TIFF whose directory is not there", b"MM\x00*\x7f\xff\xff\xff", DEAD
    )
    yield case(
        "big_tiff_header.tif", "a BigTIFF of a header only", b"II+\x00\x08\x00\x00\x00" + bytes(8), DEAD
    )


def _not_images() -> Iterator[Case]:
    gif = encoded(note(), "GIF")
    webp = b"RIFF" + struct.pack("<I", 60) + b"WEBPVP8 " + bytes(48)
    heic = struct.pack(">I", 24) + b"ftypheic" + bytes(4) + b"mif1heic" + bytes(200)
    yield case("animation.gif", "a GIF", gif, DEAD, UNSUPPORTED)
    yield case("gif_named.jpg", "a GIF that is named JPEG", gif, DEAD, UNSUPPORTED)
    yield case("picture.webp", "a WebP header", webp, DEAD, UNSUPPORTED)
    yield case("phone.heic", "a HEIC header", heic, DEAD, UNSUPPORTED)
