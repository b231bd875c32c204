"""Images (JPEG, PNG, BMP, multi-page TIFF) -> upright frames of pixels."""

from __future__ import annotations

import io
import math
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
from PIL import Image, ImageOps, ImageSequence

from pipeline.errors import DocumentError
from pipeline.reading.pixels import Pixels

_ENOUGH = 16_000_000
"""Pixels of a page: a letter page at 400 dpi. More cost memory and say nothing more."""
_LETTER = 8.5 * 11
"""Square inches; an image whose resolution nobody knows is taken for a page of this area."""
_PAGE_AREAS = (8.0, 200.0)
"""Square inches of pages that are scanned: from a receipt to a tabloid sheet."""
_MADE_UP = (72.0, 96.0)
"""Resolutions that programs write when they know none."""
_FORMATS = ("JPEG", "PNG", "BMP", "TIFF")

_BROKEN = (
    OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, AttributeError, ArithmeticError,
    MemoryError, struct.error,
)  # fmt: skip
"""What Pillow raises of a file that is damaged: a tag that is missing is a TypeError to it."""


def count_frames(content: bytes) -> int:
    """Pages of an image. Raises DocumentError: `damaged-image`."""
    with _opened(content, None) as image:
        try:
            return int(getattr(image, "n_frames", 1))
        except _BROKEN as error:
            raise _damaged(error) from error


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A page of an image: grey or BGR pixels, their resolution, and how many pixels of the image one of
    them stands for."""

    pixels: Pixels
    dpi: float
    reduction: int = 1


def frames(content: bytes, max_pages: int, max_pixels: int) -> Iterator[Frame]:
    """The pages of an image, turned as their EXIF orientation says; larger ones than needed are reduced.

    Raises DocumentError: `damaged-image`, `image-too-large` (more than `max_pixels`, before it is decoded).
    """
    with _opened(content, max_pixels) as image:
        try:
            for number, frame in enumerate(ImageSequence.Iterator(image)):
                if number == max_pages:
                    return
                _check_size(frame, max_pixels)
                yield _frame(frame)
        except Image.DecompressionBombError as error:
            raise _too_large() from error
        except _BROKEN as error:
            raise _damaged(error) from error


def _opened(content: bytes, max_pixels: int | None) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=_FORMATS)
    except Image.DecompressionBombError as error:
        raise _too_large() from error
    except _BROKEN as error:
        raise _damaged(error) from error
    if max_pixels is not None:
        _check_size(image, max_pixels)
    return image


def _check_size(image: Image.Image, max_pixels: int) -> None:
    if image.width * image.height > max_pixels:
        raise _too_large()


def _too_large() -> DocumentError:
    return DocumentError(
        "The image has more pixels than may be decoded (max_pixels): scan it again at 150 to 300 dpi.",
        reason="image-too-large",
    )


def _damaged(error: BaseException) -> DocumentError:
    return DocumentError(
        f"The image cannot be decoded ({type(error).__name__}): scan or upload it again.",
        reason="damaged-image",
    )


def _frame(image: Image.Image) -> Frame:
    reduction = math.ceil(math.sqrt(image.width * image.height / _ENOUGH))
    dpi = _resolution(image) / max(reduction, 1)
    if reduction > 1:
        plain = image.convert("L") if image.mode in ("1", "P") or image.mode[0] == "I" else image
        return Frame(_pixels(ImageOps.exif_transpose(plain.reduce(reduction))), dpi, reduction)
    return Frame(_pixels(ImageOps.exif_transpose(image)), dpi)


def _resolution(image: Image.Image) -> float:
    """Pixels per inch as the file says where that makes a sheet of paper, else those of a letter page."""
    area = image.width * image.height
    said = image.info.get("dpi") or (0, 0)
    try:
        across, down = float(said[0]), float(said[1])
    except (TypeError, ValueError, IndexError, ZeroDivisionError):
        across = down = 0.0
    known = across > 0 and abs(across - down) <= 0.05 * across and round(across) not in _MADE_UP
    if known and _PAGE_AREAS[0] <= area / across**2 <= _PAGE_AREAS[1]:
        return across
    return math.sqrt(area / _LETTER)


def _pixels(image: Image.Image) -> Pixels:
    if image.mode.startswith("I;16") or image.mode == "I":
        return cast(Pixels, (np.asarray(image, np.int64) >> 8).clip(0, 255).astype(np.uint8))
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])
