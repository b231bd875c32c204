"""Analyze results of Document Intelligence -> `Analysis`: layout and documents, of a model, of the layout
model, or of a classifier (CONTRACTS 3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.remote import Analysis, AnalyzedDocument
from pipeline.wire.document_intelligence.decode_fields import LayoutConfidence, field_values
from pipeline.wire.document_intelligence.decode_layout import WordConfidence, layout

Json = Mapping[str, Any]


def analysis(result: Json) -> Analysis:
    """An `analyzeResult`. Raises ValueError, KeyError, TypeError or AttributeError where it is none."""
    reader = WordConfidence(result).of
    documents = tuple(_document(item, reader) for item in result.get("documents") or ())
    return Analysis(layout(result), documents, str(result.get("modelId") or ""))


def _document(item: Json, reader: LayoutConfidence) -> AnalyzedDocument:
    pages = [int(each.get("pageNumber") or 1) for each in item.get("boundingRegions") or ()] or [1]
    told = item.get("confidence")
    confidence = None if told is None else float(told)
    kind = str(item.get("docType") or "")
    return AnalyzedDocument(
        doc_type=kind,
        first_page=min(pages),
        last_page=max(pages),
        values=tuple(field_values(item.get("fields"), min(pages), confidence, reader)),
        confidence=confidence,
        model_id=kind.rpartition(":")[2] if ":" in kind else "",
    )
