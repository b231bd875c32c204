"""`ExtractedField` records -> the `fields` of a document as Form Recognizer v2 tells them; the other way
round of `decode_fields`.

`items/Price`, where no field is called that, is member `Price` of a row of array `items`, the row being the
occurrence; longer paths are members of objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.types import ExtractedField, FieldSpec, TypedValue
from pipeline.values.normalise import normalise
from pipeline.wire.form_recognizer.encode_elements import Elements
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
_SEPARATOR = "/"


@dataclass(frozen=True, slots=True)
class FieldWriter:
    """`places` point to the words, None where they are not asked for."""

    version: Version
    specs: Mapping[str, FieldSpec]
    places: Mapping[int, Elements] | None = None

    def fields(self, values: Sequence[ExtractedField]) -> dict[str, Json | None]:
        """Every field of the model, null where it was not found, and what else was found."""
        body: dict[str, Json | None] = dict.fromkeys(self.specs)
        nested: dict[str, list[ExtractedField]] = {}
        for value in sorted(values, key=lambda value: value.occurrence):
            root, separator, _ = value.field.partition(_SEPARATOR)
            if separator and value.field not in self.specs:
                nested.setdefault(root, []).append(value)
            elif body.get(value.field) is None:
                body[value.field] = self._field(value)
        return body | {root: self._nested(members) for root, members in nested.items()}

    def _nested(self, members: Sequence[ExtractedField]) -> Json:
        paths = [value.field.split(_SEPARATOR)[1:] for value in members]
        return self._array(members) if max(map(len, paths)) == 1 else self._tree(members, paths)

    def _array(self, members: Sequence[ExtractedField]) -> Json:
        rows: list[Json] = [{"type": "object", "valueObject": {}} for _ in range(members[-1].occurrence + 1)]
        for value in members:
            row = rows[value.occurrence]["valueObject"]
            row[value.field.partition(_SEPARATOR)[2]] = self._field(value)
        return {"type": "array", "valueArray": rows}

    def _tree(self, members: Sequence[ExtractedField], paths: Sequence[Sequence[str]]) -> Json:
        tree: Json = {"type": "object", "valueObject": {}}
        for value, path in zip(members, paths, strict=True):
            node = tree
            for name in path[:-1]:
                node = node["valueObject"].setdefault(name, {"type": "object", "valueObject": {}})
            node["valueObject"][path[-1]] = self._field(value)
        return tree

    def _field(self, value: ExtractedField) -> Json:
        spec = self.specs.get(value.field) or FieldSpec(value.field, _type_of(value.given))
        kind = self._kind(spec)
        body: Json = {"type": kind}
        typed = value_of(value, spec, kind)
        if typed is not None:
            hidden = kind == "selectionMark" and not self.version.mark_values
            body[_VALUE_KEYS[kind]] = None if hidden else typed
        body |= {"text": value.text, self._page_member: value.page}
        if value.polygon is not None:
            body["boundingBox"] = list(value.polygon)
        return body | {"confidence": value.confidence} | self._pointers(value, kind)

    @property
    def _page_member(self) -> str:
        return "pageNumber" if self.version.feedback_loop else "page"

    def _kind(self, spec: FieldSpec) -> str:
        """The service has no currencies, and marks only from v2.1 on."""
        if spec.type == "selectionMark" and not self.version.selection_marks:
            return "string"
        return "number" if spec.type == "currency" else spec.type

    def _pointers(self, value: ExtractedField, kind: str) -> Json:
        if self.places is None:
            return {}
        place = self.places.get(value.page)
        if place is None or value.polygon is None:
            return {"elements": []}
        marks = kind == "selectionMark"
        return {"elements": place.marks(value.polygon) if marks else place.words(value.polygon, value.text)}


def value_of(value: ExtractedField, spec: FieldSpec, kind: str) -> object:
    """The value in its type; None where the text does not read as it, and is then left out."""
    if kind == "string":
        return value.text
    known = _told(value.given, kind) if value.given else None
    return known if known is not None else _told(normalise(value.text, spec, None), kind)


def _told(value: TypedValue, kind: str) -> object:
    match kind:
        case "number":
            return None if value.number is None else float(value.number)
        case "integer":
            whole = value.number is not None and value.number == value.number.to_integral_value()
            return int(value.number) if whole and value.number is not None else None
        case "date":
            return value.date and value.date.isoformat()
        case "time":
            return value.time and value.time.isoformat()
        case "selectionMark":
            return value.mark
    return value.text


def _type_of(value: TypedValue | None) -> Any:
    """What a value that no field foresees is, by what was given with it."""
    if value is None:
        return "string"
    told = {"number": value.number, "date": value.date, "time": value.time, "selectionMark": value.mark}
    return next((kind for kind, known in told.items() if known is not None), "string")
