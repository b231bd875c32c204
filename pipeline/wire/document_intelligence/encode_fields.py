"""`ExtractedField` records -> the `fields` of a document as Document Intelligence tells them (CONTRACTS 3.3);
the other way round of `decode_fields`.

`items/Price` is member `Price` of a row of array `items`, the row being the occurrence; members of longer
names are those of objects. Where a field is plain, its first value is told. Before 4.0 members have no
confidence of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, cast

from pipeline.types import ExtractedField, FieldSpec, FieldType, TypedValue
from pipeline.values.normalise import normalise
from pipeline.wire.document_intelligence.encode import wire_type
from pipeline.wire.document_intelligence.encode_pages import ContentWriter

Json = dict[str, Any]

_SEPARATOR = "/"
_MARKS = ("selected", "unselected")


def fields_body(values: Sequence[ExtractedField], specs: Sequence[FieldSpec], content: ContentWriter) -> Json:
    """A field of the model that was not found is there with its type and a confidence alone; a table of
    which no row was found, with its type."""
    known = {spec.name: spec for spec in specs}
    found: dict[str, list[ExtractedField]] = {}
    for value in values:
        found.setdefault(value.field.partition(_SEPARATOR)[0], []).append(value)
    names = dict.fromkeys([*(spec.name.partition(_SEPARATOR)[0] for spec in specs), *found])
    tables = {spec.name.partition(_SEPARATOR)[0] for spec in specs if _SEPARATOR in spec.name}
    return {name: _field(found.get(name, ()), name, known, name in tables, content) for name in names}


def _field(
    values: Sequence[ExtractedField],
    name: str,
    specs: Mapping[str, FieldSpec],
    table: bool,
    content: ContentWriter,
) -> Json:
    plain = min(
        (value for value in values if value.field == name), key=lambda value: value.occurrence, default=None
    )
    if plain is not None:
        return _value(plain, specs, content)
    if values:
        return _nested(values, specs, content)
    if table:
        return {"type": "array"}
    return {"type": wire_type(specs[name]), "confidence": 0.0}


def _nested(values: Sequence[ExtractedField], specs: Mapping[str, FieldSpec], content: ContentWriter) -> Json:
    """Arrays and objects say their type and members only."""
    paths = [value.field.split(_SEPARATOR)[1:] for value in values]
    if any(len(path) > 1 for path in paths):
        return _object(zip(paths, values, strict=True), specs, content)
    rows: list[Json] = [{} for _ in range(max(value.occurrence for value in values) + 1)]
    for path, value in zip(paths, values, strict=True):
        rows[value.occurrence].setdefault(path[0], _value(value, specs, content))
    return {"type": "array", "valueArray": [{"type": "object", "valueObject": row} for row in rows]}


def _object(
    members: Iterator[tuple[list[str], ExtractedField]],
    specs: Mapping[str, FieldSpec],
    content: ContentWriter,
) -> Json:
    tree: Json = {"type": "object", "valueObject": {}}
    for path, value in members:
        node = tree
        for name in path[:-1]:
            node = node["valueObject"].setdefault(name, {"type": "object"})
            node.setdefault("valueObject", {})
        node["valueObject"].setdefault(path[-1], _value(value, specs, content))
    return tree


def _value(value: ExtractedField, specs: Mapping[str, FieldSpec], content: ContentWriter) -> Json:
    """A value; what does not read as its type is told as text alone."""
    spec = specs.get(value.field) or FieldSpec(value.field, _type_of(value.given))
    kind = wire_type(spec)
    body: Json = {"type": kind}
    typed = _typed(value, spec, kind)
    if typed is not None:
        body[f"value{kind[0].upper()}{kind[1:]}"] = typed
    mark = kind == "selectionMark" and value.text in _MARKS
    body["content"] = f":{value.text}:" if mark else value.text
    told = _SEPARATOR not in value.field or content.version.model_extras
    if value.polygon is not None:
        body["boundingRegions"] = [{"pageNumber": value.page, "polygon": list(value.polygon)}]
    spans = content.spans(value.page, value.polygon, marks=mark)
    return body | ({"confidence": value.confidence} if told else {}) | {"spans": spans}


# --- the value in its type --------------------------------------------------------------------------


def _typed(value: ExtractedField, spec: FieldSpec, kind: str) -> object:
    if kind == "string":
        return value.text
    given = _told(value.given, kind) if value.given else None
    return _told(normalise(value.text, spec, None), kind) if given is None else given


def _told(value: TypedValue, kind: str) -> object:
    match kind:
        case "number" | "integer":
            return _number(value.number, whole=kind == "integer")
        case "date":
            return value.date and value.date.isoformat()
        case "time":
            return value.time and value.time.isoformat()
        case "selectionMark":
            return value.mark
    return value.text


def _number(number: Decimal | None, *, whole: bool) -> int | float | None:
    if number is None:
        return None
    if number == number.to_integral_value():
        return int(number)
    return None if whole else float(number)


def _type_of(value: TypedValue | None) -> FieldType:
    """What a value that no field foresees is, by what was given with it."""
    if value is None:
        return "string"
    told = {"number": value.number, "date": value.date, "time": value.time, "selectionMark": value.mark}
    found = next((kind for kind, known in told.items() if known is not None), "string")
    return cast(FieldType, found)
