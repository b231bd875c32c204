"""Numbers of a service that no database could hold cost the document they came with."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.errors import DocumentError
from pipeline.remote import Analysis, AnalyzedDocument
from pipeline.scoring.plausibility import plausible
from pipeline.types import ExtractedField, Layout, Page


def analysis(page: Any = 1, occurrence: Any = 0, confidence: float = 0.9, number: Any = 1) -> Analysis:
    value = ExtractedField("total", "1", page, None, confidence, occurrence=occurrence)
    return Analysis(Layout((Page(number, 1, 1, "inch"),), 1), (AnalyzedDocument("m", 1, 1, (value,)),))


@pytest.mark.parametrize(
    "wrong", [{"page": 2**31}, {"page": -1}, {"page": 1.5}, {"occurrence": 2**40}, {"number": "2"}]
)
def test_counts_that_are_none_are_a_named_end(wrong: dict[str, Any]) -> None:
    with pytest.raises(DocumentError) as caught:
        plausible(analysis(**wrong))
    assert caught.value.reason == "answer-unreadable"


@pytest.mark.parametrize(
    ("told", "kept"),
    [(0.9, 0.9), (7.0, 1.0), (-1.0, 0.0), (float("nan"), 0.0), (float("inf"), 0.0)],
)
def test_a_confidence_is_a_share(told: float, kept: float) -> None:
    (value,) = plausible(analysis(confidence=told)).values
    assert value.confidence == kept
