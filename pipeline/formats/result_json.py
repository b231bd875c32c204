"""The result of a scored document as Form Recognizer v2.1 writes it (Get Analyze Form Result)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.formats.ocr_json import layout_to_json
from pipeline.types import FieldSpec, FieldType, Layout, ScoredValue, TypedValue

Json = dict[str, Any]

_VALUE_KEYS: Mapping[FieldType, str] = {
    "string": "valueString",
    "number": "valueNumber",
    "integer": "valueInteger",
    "currency": "valueNumber",
    "date": "valueDate",
    "time": "valueTime",
    "phoneNumber": "valuePhoneNumber",
    "selectionMark": "valueSelectionMark",
}
_WIRE_TYPES: Mapping[FieldType, str] = {"currency": "number"}


def output_path(
    output_folder: str, backlog_folder: str, path: str, pages: tuple[int, int] | None = None
) -> str:
    """Where the result of a backlog document goes: its path below the backlog folder, under the output
    folder, with `_output.json` after its whole name (`a.pdf` and `a.tif` stay apart); of a part of a file
    with its first and last page before that."""
    part = f"_pages_{pages[0]}-{pages[1]}" if pages else ""
    return f"{output_folder}{path.removeprefix(backlog_folder)}{part}_output.json"


def result_to_json(
    layout: Layout, values: Sequence[ScoredValue], specs: Sequence[FieldSpec], model_id: str
) -> Json:
    """The whole body of a finished v2.1 analyze operation. A field without a value is null; a value that
    could not be typed has no `value…` member.

    Beyond v2.1: `occurrences` lists all values of a field that has several, and a value of a running text
    has the `offset` and `length` (in code points) of its place there.
    """
    body = layout_to_json(layout)
    found: dict[str, list[ScoredValue]] = {}
    for value in values:
        found.setdefault(value.found.field, []).append(value)
    kinds = {spec.name: spec.type for spec in specs}
    fields = {name: _field(found.get(name, ()), kinds.get(name, "string")) for name in [*kinds, *found]}
    body["analyzeResult"]["documentResults"] = [
        {
            "docType": f"custom:{model_id}",
            "modelId": model_id,
            "pageRange": [1, max(len(layout.pages), 1)],
            "fields": fields,
        }
    ]
    body["analyzeResult"]["errors"] = []
    return body


def _field(values: Sequence[ScoredValue], kind: FieldType) -> Json | None:
    if not values:
        return None
    each = [_value(value, kind) for value in values]
    return each[0] | ({"occurrences": each} if len(each) > 1 else {})


def _value(value: ScoredValue, kind: FieldType) -> Json:
    field: Json = {"type": _WIRE_TYPES.get(kind, kind)}
    typed = _typed(value.typed)
    if typed is not None:
        field[_VALUE_KEYS[kind]] = typed
    field |= {"text": value.found.text, "page": value.found.page, "confidence": value.found.confidence}
    if value.found.polygon:
        field["boundingBox"] = list(value.found.polygon)
    if value.found.offset is not None:
        field |= {"offset": value.found.offset, "length": value.found.length}
    return field


def _typed(value: TypedValue) -> object:
    if value.number is not None:
        whole = value.number == value.number.to_integral_value()
        return int(value.number) if whole else float(value.number)
    if value.date is not None:
        return value.date.isoformat()
    if value.time is not None:
        return value.time.isoformat()
    return value.mark or value.text
