"""Analyze results of Document Intelligence -> `Analysis`: layout and documents, of a model, of the layout
model, or of a classifier (CONTRACTS 3.3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.remote import Analysis, AnalyzedDocument
from pipeline.types import ExtractedField
from pipeline.wire.document_intelligence.decode_fields import LayoutConfidence, field_values
from pipeline.wire.document_intelligence.decode_layout import WordConfidence, confidence_of, layout, region

Json = Mapping[str, Any]

UNLABELLED = "form"
"""The document type of pairs that were found without a model of their form; the service names none."""


def analysis(result: Json) -> Analysis:
    """An `analyzeResult`. Raises ValueError, KeyError, TypeError or AttributeError where it is none."""
    reader = WordConfidence(result).of
    pages = layout(result)
    documents = tuple(_document(item, reader) for item in result.get("documents") or ())
    found = documents or _unlabelled(result.get("keyValuePairs") or (), pages.page_count, reader)
    return Analysis(pages, found, str(result.get("modelId") or ""))


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


def _unlabelled(pairs: Sequence[Json], pages: int, reader: LayoutConfidence) -> tuple[AnalyzedDocument, ...]:
    """Pairs of keys and values (the feature `keyValuePairs`), where no model found documents: one document
    over all pages, a key that is there twice being two occurrences."""
    seen: Counter[str] = Counter()
    values: list[ExtractedField] = []
    for pair in pairs:
        key, value = pair.get("key") or {}, pair.get("value") or {}
        name = str(key.get("content") or "").strip()
        if not (name and value.get("content")):
            continue
        page, polygon = region(value)
        place = (page or 1, polygon, confidence_of(pair), reader(value.get("spans")), seen[name])
        values.append(ExtractedField(name, str(value["content"]), *place))
        seen[name] += 1
    return (AnalyzedDocument(UNLABELLED, 1, pages, tuple(values)),) if values else ()
