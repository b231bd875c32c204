from __future__ import annotations

import io
import math

import pytest
from PIL import Image

from pipeline.errors import DocumentError
from pipeline.reading.image import count_frames, frames

LETTER_145 = (1233, 1595)


def saved(size: tuple[int, int], kind: str, dpi: tuple[float, float] | None) -> bytes:
    out = io.BytesIO()
    Image.new("L", size, "white").save(out, kind, **({} if dpi is None else {"dpi": dpi}))
    return out.getvalue()


def resolution(content: bytes) -> float:
    (frame,) = frames(content, 1, 100_000_000)
    return frame.dpi


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "PNG"])
def test_the_resolution_is_what_the_file_says(kind: str) -> None:
    a5 = (846, 1200)
    assert resolution(saved(a5, kind, (145, 145))) == pytest.approx(145, abs=0.5)


@pytest.mark.parametrize("dpi", [None, (72, 72), (96, 96), (1, 1), (145, 300), (2400, 2400)])
def test_an_unlikely_resolution_is_not_believed(dpi: tuple[float, float] | None) -> None:
    as_letter = math.sqrt(LETTER_145[0] * LETTER_145[1] / 93.5)
    assert resolution(saved(LETTER_145, "JPEG", dpi)) == pytest.approx(as_letter)


def test_a_reduced_page_has_a_reduced_resolution() -> None:
    (frame,) = frames(saved((5100, 6600), "JPEG", (600, 600)), 1, 100_000_000)
    assert frame.reduction == 2
    assert frame.dpi == pytest.approx(300)


@pytest.mark.parametrize("kind", ["TIFF", "PNG", "JPEG", "BMP"])
def test_an_image_that_is_cut_anywhere_is_read_or_named_damaged(kind: str) -> None:
    """Pages of a TIFF whose directory is cut off are a TypeError to Pillow."""
    pages = [Image.new("L", (30, 20), 255) for _ in range(3)]
    out = io.BytesIO()
    pages[0].save(out, kind, **({"save_all": True, "append_images": pages[1:]} if kind == "TIFF" else {}))
    content, reasons = out.getvalue(), set()
    for end in range(8, len(content)):
        for read in (count_frames, lambda cut: list(frames(cut, 3, 1000))):
            try:
                read(content[:end])
            except DocumentError as error:
                reasons.add(error.reason)
    assert reasons == {"damaged-image"}
