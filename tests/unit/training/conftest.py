from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.training.training_shelf import Shelf, label


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """An empty training folder."""
    (tmp_path / "lake" / "train").mkdir(parents=True)
    return Shelf(tmp_path)


@pytest.fixture
def filled(shelf: Shelf) -> Shelf:
    """Five labelled forms with layouts and a field list: nothing wrong with it."""
    for number in range(5):
        name = f"form {number}.pdf"
        shelf.form(name, label("total", f"{number}"), label("date", "1 May"))
        shelf.ocr(name)
    shelf.fields("total", "date")
    return shelf
