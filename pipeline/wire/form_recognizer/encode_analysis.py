"""What Form Recognizer v2 says of a document, from an `Analysis` (CONTRACTS 2.5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pipeline.remote import Analysis, AnalyzedDocument, ServiceFault
from pipeline.types import ExtractedField, FieldSpec
from pipeline.wire.form_recognizer.encode import stamp
from pipeline.wire.form_recognizer.encode_elements import Elements, elements
from pipeline.wire.form_recognizer.encode_fields import FieldWriter
from pipeline.wire.form_recognizer.encode_layout import (
    bare_read_results,
    bare_table,
    layout_result,
    page_results,
    read_results,
    result_version,
)
from pipeline.wire.form_recognizer.versions import Version

__all__ = ["envelope", "failed_result", "labelled_result", "layout_result", "unlabelled_result"]

Json = dict[str, Any]

_ONLY_CLUSTER = 0


def envelope(
    state: str, created: datetime, updated: datetime, result: Json | None = None, *, null: bool = False
) -> Json:
    """An operation that reads a document. `null`: an unfinished one of a model without labels says so."""
    body: Json = {
        "status": state,
        "createdDateTime": stamp(created),
        "lastUpdatedDateTime": stamp(updated),
    }
    if result is not None:
        return body | {"analyzeResult": result}
    return body | ({"analyzeResult": None} if null else {})


def failed_result(fault: ServiceFault, version: Version) -> Json:
    errors = [{"code": fault.code, "message": fault.message}]
    return {"version": result_version(version), "readResults": [], "errors": errors}


# --- models with labels ---------------------------------------------------------------------------


def labelled_result(
    analysis: Analysis, fields: Sequence[FieldSpec], version: Version, name: str, *, details: bool
) -> Json:
    """What a model with labels found. `name`: that of the model, or where it has none its id. `details`:
    with the lines of the pages, and pointers to the words of each value."""
    places = elements(analysis.layout) if details else None
    writer = FieldWriter(version, {spec.name: spec for spec in fields}, places)
    return {
        "version": result_version(version),
        "readResults": read_results(analysis.layout, version, lines=details),
        "pageResults": page_results(analysis.layout, version, pointers=details),
        "documentResults": [_document(found, writer, name) for found in analysis.documents],
        "errors": [],
    }


def _document(document: AnalyzedDocument, writer: FieldWriter, name: str) -> Json:
    if not writer.version.model_names:
        return {"docType": "custom:form"} | _found(document, writer)
    sure = 1.0 if document.confidence is None else document.confidence
    return (
        {"docType": f"custom:{name}", "modelId": document.model_id}
        | _found(document, writer)
        | {"docTypeConfidence": sure}
    )


def _found(document: AnalyzedDocument, writer: FieldWriter) -> Json:
    return {
        "pageRange": [document.first_page, document.last_page],
        "fields": writer.fields(document.values),
    }


# --- models without labels ------------------------------------------------------------------------


def unlabelled_result(analysis: Analysis, version: Version, *, details: bool) -> Json:
    """What a model without labels found: pairs of key and value on each page."""
    places = elements(analysis.layout)
    return {
        "version": result_version(version),
        "readResults": bare_read_results(analysis.layout, version, lines=details),
        "pageResults": [_page(place, analysis.values, version, details=details) for place in places.values()],
        "documentResults": [],
        "errors": [],
    }


def _page(place: Elements, values: Sequence[ExtractedField], version: Version, *, details: bool) -> Json:
    """A page without any pair looks like no form of the model's."""
    page = place.page
    pairs = [_pair(value, place, details=details) for value in values if value.page == page.number]
    return {
        "page": page.number,
        "keyValuePairs": pairs,
        "tables": [bare_table(table, version, place if details else None) for table in page.tables],
        "clusterId": _ONLY_CLUSTER if pairs else None,
    }


def _pair(value: ExtractedField, place: Elements, *, details: bool) -> Json:
    key = place.phrase(value.field, value.polygon)
    words = place.words(value.polygon, value.text) if value.polygon else []
    return {
        "key": {
            "text": value.field,
            "boundingBox": list(key.polygon) if key else None,
            "elements": list(key.pointers) if key and details else None,
        },
        "value": {
            "text": value.text,
            "boundingBox": list(value.polygon) if value.polygon else None,
            "elements": words if details else None,
        },
        "confidence": value.confidence,
    }
