"""Which layouts a service has to be paid for before it trains."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.services import load_services
from pipeline.training.layouts import layouts_to_make
from pipeline.training.records import TrainingDocument, TrainingFolder

SERVICE = load_services()["form-recognizer"]
GIVEN = TrainingDocument("a.pdf", "e", 1, "d", (), "l", "given", "g", "2.1.0")
OURS = replace(GIVEN, layout="made", layout_maker="form-recognizer")


def to_make(form: TrainingDocument, api_version: str = "v2.1", labels: bool = True) -> bool:
    folder = TrainingFolder("lake", "train/", labels, (form,), (form,), (), "f")
    return layouts_to_make(folder, SERVICE, api_version) == (form,)


@pytest.mark.parametrize("form", [GIVEN, OURS])
def test_a_layout_of_the_versions_family_is_paid_once(form: TrainingDocument) -> None:
    assert not to_make(form)
    assert to_make(form, "v2.0")
    assert not to_make(replace(form, layout_version="2.0.0"), "v2.0")


def test_what_is_missing_or_made_by_another_engine_is_made() -> None:
    assert to_make(replace(GIVEN, layout="missing"))
    assert to_make(replace(OURS, layout_maker="local"))
    assert to_make(replace(OURS, layout_version="2024-11-30"))


def test_here_any_layout_will_do() -> None:
    for form, wanted in ((GIVEN, ()), (replace(GIVEN, layout="missing"), ("a.pdf",))):
        folder = TrainingFolder("lake", "train/", False, (form,), (form,), (), "f")
        found = layouts_to_make(folder, load_services()["local"], None)
        assert tuple(each.path for each in found) == wanted


def test_without_labels_a_service_reads_for_itself() -> None:
    missing = replace(GIVEN, layout="missing")
    assert not to_make(missing, labels=False)
    assert to_make(missing, "v2.0-preview", labels=False)
