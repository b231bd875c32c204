"""What a service says it found, before it is believed: places that can be, confidences between 0 and 1."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pipeline.errors import DocumentError
from pipeline.remote import Analysis
from pipeline.types import ExtractedField

_MOST = 2**31


def plausible(analysis: Analysis) -> Analysis:
    """The analysis, its values' confidences within bounds. Raises DocumentError `answer-unreadable` where a
    page, a row or an occurrence is counted by what is no such number."""
    if not all(isinstance(count, int) and 0 <= count < _MOST for count in _counts(analysis)):
        raise DocumentError(
            "the service's answer counts pages or rows by what is no such number: check the row's endpoint "
            "and api_version",
            reason="answer-unreadable",
        )
    documents = tuple(replace(each, values=tuple(map(_bounded, each.values))) for each in analysis.documents)
    return replace(analysis, documents=documents)


def _counts(analysis: Analysis) -> Iterator[Any]:
    for page in analysis.layout.pages:
        yield page.number
        for table in page.tables:
            for cell in table.cells:
                yield from (cell.row, cell.column, cell.row_span, cell.column_span)
    for value in analysis.values:
        yield from (value.page, value.occurrence)


def _bounded(value: ExtractedField) -> ExtractedField:
    confidence, reader = _share(value.confidence), _share(value.layout_confidence)
    if (confidence, reader) == (value.confidence, value.layout_confidence):
        return value
    return replace(value, confidence=confidence, layout_confidence=reader)


def _share(confidence: float) -> float:
    return min(max(confidence, 0.0), 1.0) if math.isfinite(confidence) else 0.0
