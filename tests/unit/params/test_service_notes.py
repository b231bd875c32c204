"""What is told about services before they are paid."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from pipeline.params.service_notes import service_notes
from pipeline.services import load_services
from pipeline.types import FormType

ROW = FormType("bills", "bills", "c", "t/", "c", "b/", engine="form-recognizer", api_version="v2.1")


def codes(row: FormType, today: date, tier: str = "S0") -> list[str]:
    return [note.code for note in service_notes([row], load_services(), today, tier)]


def test_a_version_is_told_half_a_year_before_it_ends() -> None:
    assert codes(ROW, date(2027, 1, 1)) == []
    (note,) = service_notes([ROW], load_services(), date(2027, 9, 1), "S0")
    assert note.code == "api-version-retires"
    assert "answers until 2027-09-15, 14 days more" in note.message
    assert "migration guide" in note.message, "where the day is from"


def test_a_retired_version_that_a_row_insists_on_is_told() -> None:
    old = replace(ROW, api_version="v2.0", allow_retired=True)
    (note,) = service_notes([old], load_services(), date(2026, 11, 21), "S0")
    assert "was retired on 2026-08-31" in note.message
    assert "v2.1" in note.message


def test_a_kind_of_model_that_ends_is_told_however_far_that_is() -> None:
    texts = replace(ROW, engine="language", api_version="2023-04-01", model_kind="classes")
    (note,) = service_notes([texts], load_services(), date(2026, 11, 21), "S0")
    assert note.code == "model-kind-retires"
    assert "ends for models of classes on 2029-03-31" in note.message
    assert codes(replace(texts, model_kind="entities"), date(2026, 11, 21)) == []


def test_a_preview_of_language_was_retired_with_the_release_after_it() -> None:
    old = replace(
        ROW, engine="language", api_version="v1.0-preview.2", model_kind="entities", allow_retired=True
    )
    (note,) = service_notes([old], load_services(), date(2026, 11, 21), "S0")
    assert "was retired on 2022-05-24" in note.message


def test_the_free_tier_is_told_of_its_two_pages_and_four_megabytes() -> None:
    (note,) = service_notes([ROW], load_services(), date(2026, 11, 21), "F0")
    assert (note.code, "2 pages" in note.message, "4 MB" in note.message) == ("tier-limit", True, True)


def test_rows_of_the_local_engine_and_disabled_ones_need_no_word() -> None:
    assert codes(replace(ROW, engine="local", api_version=None), date(2030, 1, 1), "F0") == []
    assert codes(replace(ROW, enabled=False), date(2030, 1, 1), "F0") == []


@pytest.mark.parametrize(("version", "told"), [("v2.0", True), ("v2.1-preview.2", True), ("v2.1", False)])
def test_a_version_that_cannot_be_told_which_pages_to_read_is_told(version: str, told: bool) -> None:
    row = replace(ROW, api_version=version, max_pages=3)
    assert ("max-pages-not-told" in codes(row, date(2026, 1, 1))) == told
    assert "max-pages-not-told" not in codes(replace(row, max_pages=None), date(2026, 1, 1))


def test_more_pages_than_the_tier_reads_are_told() -> None:
    assert codes(replace(ROW, max_pages=5000), date(2026, 11, 21)) == ["tier-limit"]
