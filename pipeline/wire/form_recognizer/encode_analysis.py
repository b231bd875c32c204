"""What Form Recognizer v2 says of a document, from an `Analysis` (CONTRACTS 2.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pipeline.formats.ocr_json import layout_to_json
from pipeline.remote import Analysis, AnalyzedDocument, ServiceFault
from pipeline.types import ExtractedField, FieldSpec, Layout, TypedValue
from pipeline.values.normalise import normalise
from pipeline.wire.form_recognizer.encode import stamp
from pipeline.wire.form_recognizer.versions import Version

Json = dict[str, Any]

_VALUE_KEYS = {
    "string": "valueString",
    "number": "valueNumber",
    "integer": "valueInteger",
    "date": "valueDate",
    "time": "valueTime",
    "phoneNumber": "valuePhoneNumber",
    "selectionMark": "valueSelectionMark",
}
_WIRE_TYPES = {"currency": "number"}


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


def result_version(version: Version) -> str:
    return "2.1.0" if version.model_names else "2.0.0"


def layout_result(layout: Layout, version: Version) -> Json:
    """A layout has all lines and tables, and no documents."""
    body: Json = layout_to_json(layout)["analyzeResult"]
    body.pop("formpipe", None)
    body["version"] = result_version(version)
    if not version.model_names:
        for page in body["readResults"]:
            page.pop("selectionMarks", None)
            page["language"] = "en"
    return body


def labelled_result(
    analysis: Analysis, fields: Sequence[FieldSpec], version: Version, name: str, *, details: bool
) -> Json:
    """What a model with labels found. A field that was not found is null."""
    body = layout_result(analysis.layout, version)
    if not details:
        for page in body["readResults"]:
            page.pop("lines", None)
            page.pop("selectionMarks", None)
    documents = [_document(document, fields, version, name) for document in analysis.documents]
    return body | {"documentResults": documents, "errors": []}


def unlabelled_result(analysis: Analysis, version: Version, *, details: bool) -> Json:
    """What a model without labels found: pairs of key and value on each page."""
    body = layout_result(analysis.layout, version)
    if not details:
        for page in body["readResults"]:
            page["lines"] = []
            page["selectionMarks"] = None
    values = analysis.values
    for page in body["pageResults"]:
        page["clusterId"] = 0
        page["keyValuePairs"] = [_pair(value) for value in values if value.page == page["page"]]
    return body | {"documentResults": [], "errors": []}


def _pair(value: ExtractedField) -> Json:
    return {
        "key": {"text": value.field, "boundingBox": None, "elements": None},
        "value": {
            "text": value.text,
            "boundingBox": list(value.polygon) if value.polygon else None,
            "elements": None,
        },
        "confidence": value.confidence,
    }


def _document(document: AnalyzedDocument, fields: Sequence[FieldSpec], version: Version, name: str) -> Json:
    body: Json = {
        "docType": f"custom:{name}" if version.model_names else "custom:form",
        "pageRange": [document.first_page, document.last_page],
        "fields": _fields(document.values, fields),
    }
    if version.model_names:
        body["modelId"] = document.model_id
        body["docTypeConfidence"] = 1.0 if document.confidence is None else document.confidence
    return body


def _fields(values: Sequence[ExtractedField], fields: Sequence[FieldSpec]) -> Mapping[str, Json | None]:
    found = {value.field: value for value in reversed(values)}
    specs = {spec.name: spec for spec in fields}
    names = dict.fromkeys([*specs, *found])
    return {name: _field(found.get(name), specs.get(name, FieldSpec(name))) for name in names}


def _field(value: ExtractedField | None, spec: FieldSpec) -> Json | None:
    if value is None:
        return None
    kind = _WIRE_TYPES.get(spec.type, spec.type)
    body: Json = {"type": kind}
    typed = _typed(normalise(value.text, spec, None), kind, value.text)
    if typed is not None:
        body[_VALUE_KEYS[kind]] = typed
    body |= {"text": value.text, "page": value.page, "confidence": value.confidence}
    if value.polygon:
        body["boundingBox"] = list(value.polygon)
    return body


def _typed(value: TypedValue, kind: str, text: str) -> object:
    """The value in its type; a text that does not read as it has none."""
    if kind == "string":
        return text
    if value.number is not None:
        return int(value.number) if value.number == value.number.to_integral_value() else float(value.number)
    if value.date is not None:
        return value.date.isoformat()
    if value.time is not None:
        return value.time.isoformat()
    return value.mark or value.text
