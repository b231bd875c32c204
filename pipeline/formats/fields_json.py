"""The field list of a training folder (`fields.json`) <-> `FieldSpec` records."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.errors import RowError
from pipeline.types import FieldSpec, FieldType

SCHEMA = "https://schema.cognitiveservices.azure.com/formrecognizer/2021-03-01/fields.json"
NOT_SPECIFIED = "not-specified"
_TABLES = frozenset({"array", "object"})
_TYPES: Mapping[str, FieldType] = {
    "string": "string",
    "number": "number",
    "integer": "integer",
    "currency": "currency",
    "date": "date",
    "time": "time",
    "phoneNumber": "phoneNumber",
    "selectionMark": "selectionMark",
    "signature": "string",
    "countryRegion": "string",
}


def fields_from_json(body: bytes | str | Mapping[str, Any]) -> tuple[FieldSpec, ...]:
    """The fields of one `fields.json`, in its order; table fields are left to `table_fields_from_json`.

    A number whose `fieldFormat` is `currency` becomes the type `currency`. Raises `RowError`
    (`fields-unreadable`) where the file is no field list or names an unknown type.
    """
    try:
        return tuple(_spec(entry) for entry in _entries(body) if entry["fieldType"] not in _TABLES)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise _unreadable(error) from error


def table_fields_from_json(body: bytes | str | Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the fields that are tables (`array`, `object`). Raises as `fields_from_json`."""
    try:
        return tuple(entry["fieldKey"] for entry in _entries(body) if entry["fieldType"] in _TABLES)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise _unreadable(error) from error


def fields_to_json(fields: Iterable[FieldSpec]) -> dict[str, Any]:
    """The `fields.json` object (schema 2021-03-01) of these fields."""
    return {"$schema": SCHEMA, "fields": [_entry(spec) for spec in fields], "definitions": {}}


def _unreadable(error: Exception) -> RowError:
    return RowError(
        f"fields.json is not a field list of schema 2021-03-01 ({type(error).__name__}): write it again.",
        reason="fields-unreadable",
    )


def _entries(body: bytes | str | Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if isinstance(body, bytes):
        body = body.decode("utf-8-sig")
    decoded = json.loads(body) if isinstance(body, str) else body
    entries: list[Mapping[str, Any]] = decoded["fields"]
    if not isinstance(entries, list):
        raise TypeError("fields is not a list")
    return entries


def _spec(entry: Mapping[str, Any]) -> FieldSpec:
    name, written = entry["fieldKey"], entry.get("fieldFormat") or NOT_SPECIFIED
    if not isinstance(name, str) or not name or not isinstance(written, str):
        raise ValueError("a field without a name")
    if written == "currency":
        return FieldSpec(name, "currency", written)
    return FieldSpec(name, _TYPES[entry["fieldType"]], written)


def _entry(spec: FieldSpec) -> dict[str, str]:
    if spec.type == "currency":
        return {"fieldKey": spec.name, "fieldType": "number", "fieldFormat": "currency"}
    return {"fieldKey": spec.name, "fieldType": spec.type, "fieldFormat": spec.format}
