"""What the tier of a resource leaves out of a training set."""

from __future__ import annotations

import pytest

from pipeline.services import load_services
from pipeline.training.records import TrainingDocument, TrainingFolder
from pipeline.training.tier_notes import tier_notes
from pipeline.types import Label, LabelRegion

MB = 2**20


def form(name: str, *, size: int = 1, pages: int | None = 1, labelled_page: int = 1) -> TrainingDocument:
    label = Label("total", "1", (LabelRegion(labelled_page, "1"),))
    return TrainingDocument(name, "e", size, name, (label,), "l", pages=pages)


def codes(
    *forms: TrainingDocument, tier: str = "F0", engine: str = "form-recognizer", labels: bool = True
) -> dict[str, str]:
    folder = TrainingFolder("lake", "train/", labels, forms, forms, (), "f")
    return {note.code: note.message for note in tier_notes(folder, load_services()[engine], tier)}


def test_a_set_within_the_tier_needs_no_word() -> None:
    assert codes(form("a", size=4 * MB, pages=2)) == {}


def test_forms_that_are_too_large_are_named_up_to_a_few() -> None:
    found = codes(*(form(f"{n}.pdf", size=4 * MB + 1) for n in range(5)))
    assert list(found) == ["forms-over-tier-size"]
    assert "0.pdf, 1.pdf, 2.pdf and 2 more" in found["forms-over-tier-size"]
    assert "4 MB" in found["forms-over-tier-size"]


@pytest.mark.parametrize(
    "long", [form("a", pages=3), form("a", pages=None, labelled_page=3), form("a", labelled_page=3)]
)
def test_pages_are_known_by_layouts_and_labels(long: TrainingDocument) -> None:
    assert list(codes(long)) == ["forms-over-tier-pages"]
    assert codes(long, tier="S0") == {}
    assert codes(long, labels=False) == {}


def test_what_has_no_tiers_has_no_limits() -> None:
    assert codes(form("a", size=999 * MB, pages=999), engine="local") == {}
    assert codes(form("a", size=999 * MB, pages=999), tier="S9") == {}
