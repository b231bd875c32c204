"""Paper through an office scanner: rendered pages with a tilt, blur, uneven light and grain.

Deterministic: equal drawings and equal random states give equal bytes with equal library versions.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import cv2
import numpy as np
import pypdfium2 as pdfium
from numpy.typing import NDArray
from PIL import Image

from pipeline.demo.sheet import Drawing, Printed
from pipeline.types import Polygon

Pixels = NDArray[np.uint8]
PAGE_HEIGHT = 1200
_POINTS_PER_INCH = 72.0


@dataclass(frozen=True, slots=True)
class Wear:
    """What the scanner does to a page: degrees counterclockwise, pixels, grey levels (0..255)."""

    angle: float
    blur: float
    grain: float
    shade: float
    light_from: float
    paper: float


@dataclass(frozen=True, slots=True)
class Scan:
    """Grey pages of one document, `dpi` of the scan, and the entries where they now stand."""

    pages: tuple[Pixels, ...]
    dpi: float
    printed: tuple[Printed, ...]


def draw_wear(random: Random) -> Wear:
    return Wear(
        angle=random.uniform(-1.5, 1.5),
        blur=random.uniform(0.4, 0.9),
        grain=random.uniform(3.0, 7.0),
        shade=random.uniform(8.0, 34.0),
        light_from=random.uniform(0.0, 2 * math.pi),
        paper=random.uniform(238.0, 250.0),
    )


def scan(drawing: Drawing, random: Random, height: int = PAGE_HEIGHT) -> Scan:
    """Render a drawing to `height` pixels and wear each page; label boxes are turned with their page."""
    pages, printed = [], list(drawing.printed)
    for number, clean in enumerate(_rendered(drawing, height), start=1):
        wear = draw_wear(random)
        grains = np.random.Generator(np.random.PCG64(random.getrandbits(64)))
        pages.append(worn(clean, wear, grains))
        printed = [_turned(each, number, clean.shape, wear.angle) for each in printed]
    return Scan(tuple(pages), height / drawing.pages[0][1] * _POINTS_PER_INCH, tuple(printed))


def worn(clean: Pixels, wear: Wear, grains: np.random.Generator) -> Pixels:
    """One grey page after the scanner: turned, blurred, unevenly lit, grainy."""
    turned = cv2.warpAffine(
        clean,
        _turn(clean.shape, wear.angle),
        (clean.shape[1], clean.shape[0]),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=255,
    )
    soft = cv2.GaussianBlur(turned, (0, 0), wear.blur).astype(np.float32)
    lit = soft * (wear.paper / 255.0) - _shadow(clean.shape, wear)
    grainy = lit + grains.normal(0.0, wear.grain, clean.shape).astype(np.float32)
    result: Pixels = np.clip(grainy, 0, 255).astype(np.uint8)
    return result


def jpeg_bytes(scanned: Scan) -> bytes:
    """The first page as JPEG."""
    return _encoded(scanned.pages[:1], scanned.dpi, format="JPEG", quality=82, subsampling=0)


def tiff_bytes(scanned: Scan) -> bytes:
    """All pages as one TIFF."""
    return _encoded(scanned.pages, scanned.dpi, format="TIFF", compression="tiff_adobe_deflate")


def _encoded(pages: tuple[Pixels, ...], dpi: float, **options: Any) -> bytes:
    first, *others = (Image.fromarray(page) for page in pages)
    if others:
        options |= {"save_all": True, "append_images": others}
    buffer = io.BytesIO()
    first.save(buffer, dpi=(round(dpi), round(dpi)), **options)
    return buffer.getvalue()


def _rendered(drawing: Drawing, height: int) -> list[Pixels]:
    document = pdfium.PdfDocument(drawing.pdf)
    try:
        return [_grey(page, height) for page in document]
    finally:
        document.close()


def _grey(page: pdfium.PdfPage, height: int) -> Pixels:
    bitmap = page.render(scale=height / page.get_height(), grayscale=True)
    pixels: Pixels = bitmap.to_numpy().reshape(bitmap.height, bitmap.width).copy()
    return pixels


def _shadow(shape: tuple[int, ...], wear: Wear) -> NDArray[np.float32]:
    """Grey levels lost across the page, growing away from the light."""
    down, across = np.linspace(-0.5, 0.5, shape[0]), np.linspace(-0.5, 0.5, shape[1])
    slope = across[None, :] * math.cos(wear.light_from) + down[:, None] * math.sin(wear.light_from)
    shadow: NDArray[np.float32] = (wear.shade * (slope + 0.5).clip(0, None) ** 1.5).astype(np.float32)
    return shadow


def _turn(shape: tuple[int, ...], angle: float) -> NDArray[np.float64]:
    return np.asarray(cv2.getRotationMatrix2D((shape[1] / 2, shape[0] / 2), angle, 1.0), dtype=np.float64)


def _turned(printed: Printed, page: int, shape: tuple[int, ...], angle: float) -> Printed:
    regions = tuple(
        replace(region, polygon=_turned_polygon(region.polygon, shape, angle))
        if region.page == page and region.polygon
        else region
        for region in printed.regions
    )
    return replace(printed, regions=regions)


def _turned_polygon(polygon: Polygon, shape: tuple[int, ...], angle: float) -> Polygon:
    height, width = shape[:2]
    corners = np.array(polygon).reshape(4, 2) * (width, height)
    turned = corners @ _turn(shape, angle)[:, :2].T + _turn(shape, angle)[:, 2]
    x1, y1, x2, y2, x3, y3, x4, y4 = (round(float(n), 6) for n in (turned / (width, height)).ravel())
    return (x1, y1, x2, y2, x3, y3, x4, y4)
