"""Scans: worn as asked, labels turned with the page, pages kept."""

from __future__ import annotations

import io
from random import Random

import numpy as np
import pytest
from PIL import Image

from pipeline.demo.scan import PAGE_HEIGHT, Scan, draw_wear, jpeg_bytes, scan, tiff_bytes, worn
from pipeline.demo.service_report import SERVICE_REPORT
from pipeline.types import LabelRegion, bounds


def _scanned(seed: int, layout: str = "carbon") -> Scan:
    random = Random(seed)
    return scan(SERVICE_REPORT.draw(layout, random), random)


def _ink_in(pixels: np.ndarray, region: LabelRegion) -> float:
    """Share of dark pixels in a label's box."""
    box, (height, width) = bounds(region.polygon or (0.0,) * 8), pixels.shape
    crop = pixels[
        int(box.top * height) : int(box.bottom * height) + 1,
        int(box.left * width) : int(box.right * width) + 1,
    ]
    return float((crop < 110).mean())


def test_wear_stays_within_what_an_office_scanner_does() -> None:
    worns = [draw_wear(Random(seed)) for seed in range(200)]
    assert all(-1.5 <= wear.angle <= 1.5 for wear in worns)
    assert max(wear.angle for wear in worns) > 1 and min(wear.angle for wear in worns) < -1


@pytest.mark.parametrize("layout", SERVICE_REPORT.layouts)
def test_turned_labels_lie_on_ink(layout: str) -> None:
    for seed in range(3):
        scanned = _scanned(seed, layout)
        for printed in scanned.printed:
            for region in printed.regions:
                assert _ink_in(scanned.pages[region.page - 1], region) > 0.05


def test_pages_have_the_asked_height_and_are_not_clean() -> None:
    page = _scanned(1).pages[0]
    assert page.shape[0] == PAGE_HEIGHT
    assert 1 < page[-60:-20, 20:200].std() < 20


def test_light_is_uneven() -> None:
    wear, clean = draw_wear(Random(5)), np.full((400, 300), 255, np.uint8)
    page = worn(clean, wear, np.random.default_rng(0)).astype(float)
    corners = [page[:50, :50], page[:50, -50:], page[-50:, :50], page[-50:, -50:]]
    means = [corner.mean() for corner in corners]
    assert max(means) - min(means) > 4


def test_equal_random_states_give_equal_bytes() -> None:
    assert jpeg_bytes(_scanned(2)) == jpeg_bytes(_scanned(2))
    assert tiff_bytes(_scanned(2)) == tiff_bytes(_scanned(2))


def test_some_reports_have_a_second_page_and_a_tiff_keeps_it() -> None:
    counts = [len(_scanned(seed).pages) for seed in range(12)]
    assert set(counts) == {1, 2}
    two = _scanned(counts.index(2))
    with Image.open(io.BytesIO(tiff_bytes(two))) as image:
        assert image.n_frames == 2
        assert image.size[1] == PAGE_HEIGHT


def test_files_say_their_resolution() -> None:
    scanned = _scanned(3)
    for body in (jpeg_bytes(scanned), tiff_bytes(scanned)):
        with Image.open(io.BytesIO(body)) as image:
            assert image.info["dpi"][0] == pytest.approx(PAGE_HEIGHT / 595 * 72, abs=1)
