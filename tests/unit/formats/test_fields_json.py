from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import RowError
from pipeline.formats.fields_json import fields_from_json, fields_to_json, table_fields_from_json
from pipeline.types import FieldSpec


def one(kind: str, written: str = "not-specified") -> dict[str, object]:
    return {"fields": [{"fieldKey": "A", "fieldType": kind, "fieldFormat": written}]}


def test_number_in_currency_format_is_a_currency() -> None:
    assert fields_from_json(one("number", "currency")) == (FieldSpec("A", "currency", "currency"),)


def test_date_keeps_its_order() -> None:
    assert fields_from_json(one("date", "dmy")) == (FieldSpec("A", "date", "dmy"),)


def test_table_fields_are_named_apart() -> None:
    body = {
        "fields": [
            {"fieldKey": "items", "fieldType": "array", "fieldFormat": "not-specified"},
            {"fieldKey": "A", "fieldType": "string"},
        ]
    }
    assert fields_from_json(body) == (FieldSpec("A"),)
    assert table_fields_from_json(body) == ("items",)


@pytest.mark.parametrize("body", [b"", "[]", "{}", '{"fields": 1}', '{"fields": [{"fieldType": "string"}]}'])
def test_what_is_no_field_list_ends_the_row_by_name(body: bytes | str) -> None:
    with pytest.raises(RowError) as caught:
        fields_from_json(body)
    assert caught.value.reason == "fields-unreadable"


def test_unknown_type_ends_the_row_by_name() -> None:
    with pytest.raises(RowError) as caught:
        fields_from_json(one("colour"))
    assert caught.value.reason == "fields-unreadable"


def test_shared_field_lists_survive_a_round_trip(shared_forms: Path) -> None:
    files = list(shared_forms.glob("ms_*/fields.json"))
    assert len(files) == 3
    for file in files:
        fields = fields_from_json(file.read_bytes())
        assert fields and fields_from_json(fields_to_json(fields)) == fields
