"""Analyze results of Form Recognizer v2 -> `Analysis`: layout, documents of labelled and prebuilt models,
the pairs of models without labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from pipeline.formats.ocr_json import layout_from_json
from pipeline.remote import Analysis, AnalyzedDocument
from pipeline.types import ExtractedField, Layout
from pipeline.wire.form_recognizer.decode_fields import field_values, polygon

Json = Mapping[str, Any]

UNLABELLED = "form"
"""The document type of what a model without labels finds; the service names none."""

NO_KEY = "__Tokens__"
"""The field of a value whose key has no text, as the services call text that belongs to no key."""

_MOST_PAGES = 2000
"""The service reads no more of a document."""


def analysis(result: Json) -> Analysis:
    """An `analyzeResult`. Raises ValueError, KeyError, TypeError or DocumentError where it is none."""
    layout = _layout(result)
    documents = tuple(_document(item, layout) for item in result.get("documentResults") or ())
    found = documents or _unlabelled(result.get("pageResults") or (), layout)
    models = {document.model_id for document in found}
    return Analysis(layout, found, models.pop() if len(models) == 1 else "")


def _layout(result: Json) -> Layout:
    """Where the service left out what it read (the feedback loop does), the pages it names, without size."""
    if result.get("readResults") is not None:
        return layout_from_json(result)
    named = {number for item in result.get("documentResults") or () for number in _page_range(item)}
    named |= {_page(item) for item in result.get("pageResults") or ()}
    last = min(max(named, default=0), _MOST_PAGES)
    pages = [{"page": number, "width": 0, "height": 0} for number in range(1, last + 1)]
    return layout_from_json({**result, "readResults": pages})


def _page(item: Json) -> int:
    number = item.get("page", item.get("pageNumber"))
    return 1 if number is None else int(number)


# --- models with labels, prebuilt models ----------------------------------------------------------


def _document(item: Json, layout: Layout) -> AnalyzedDocument:
    first, last = _page_range(item)
    values = field_values(item.get("fields"), first, partial(_words_confidence, layout))
    confidence = item.get("docTypeConfidence")
    return AnalyzedDocument(
        doc_type=str(item.get("docType") or "").strip(),
        first_page=first,
        last_page=last,
        values=tuple(values),
        confidence=None if confidence is None else float(confidence),
        model_id=str(item.get("modelId") or ""),
    )


def _page_range(item: Json) -> tuple[int, int]:
    pages: Sequence[int] = item.get("pageRange") or (1, 1)
    return int(pages[0]), int(pages[-1])


# --- models without labels ------------------------------------------------------------------------


def _unlabelled(page_results: Sequence[Json], layout: Layout) -> tuple[AnalyzedDocument, ...]:
    """One document over all pages: a key on two pages is two occurrences of it."""
    seen: Counter[str] = Counter()
    values: list[ExtractedField] = []
    for found in (value for page in page_results for value in _pairs(page, layout)):
        values.append(replace(found, occurrence=seen[found.field]))
        seen[found.field] += 1
    return (AnalyzedDocument(UNLABELLED, 1, layout.page_count, tuple(values)),) if values else ()


def _pairs(page: Json, layout: Layout) -> Iterator[ExtractedField]:
    """The pairs of a page that have a value; the key is the field."""
    for pair in page.get("keyValuePairs") or ():
        key, value = pair.get("key") or {}, pair.get("value") or {}
        name = str(key.get("text") or pair.get("label") or NO_KEY).strip()
        if text := str(value.get("text") or ""):
            confidence = pair.get("confidence")
            yield ExtractedField(
                field=name,
                text=text,
                page=_page(page),
                polygon=polygon(value.get("boundingBox")),
                confidence=1.0 if confidence is None else float(confidence),
                layout_confidence=_words_confidence(layout, value.get("elements")),
            )


# --- elements: pointers into the layout -----------------------------------------------------------


def _words_confidence(layout: Layout, elements: object) -> float:
    """The mean confidence of the words and marks that were pointed to; 1 where the service points to none."""
    pointers = elements if isinstance(elements, list) else ()
    found = [value for value in (_pointed(layout, str(pointer)) for pointer in pointers) if value is not None]
    return sum(found) / len(found) if found else 1.0


def _pointed(layout: Layout, pointer: str) -> float | None:
    """The confidence at `#/readResults/0/lines/14/words/0` or `#/readResults/0/selectionMarks/3`."""
    try:
        match pointer.removeprefix("#").strip("/").split("/"):
            case ["readResults", page, "lines", line, "words", word]:
                return layout.pages[int(page)].lines[int(line)].words[int(word)].confidence
            case ["readResults", page, "selectionMarks", mark]:
                return layout.pages[int(page)].selection_marks[int(mark)].confidence
    except (IndexError, ValueError):
        return None
    return None
