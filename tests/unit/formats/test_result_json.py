"""The output file of a document: fields with and without values, and values of running texts."""

from __future__ import annotations

from pipeline.formats.result_json import result_to_json
from pipeline.types import ExtractedField, FieldSpec, Layout, Page, ScoredValue, TypedValue

LAYOUT = Layout((Page(1, 8.5, 11.0, "inch"),), 1)


def value(field: str, text: str, occurrence: int = 0, offset: int | None = None) -> ScoredValue:
    length = None if offset is None else len(text)
    found = ExtractedField(field, text, 1, None, 0.9, occurrence=occurrence, offset=offset, length=length)
    return ScoredValue(found, TypedValue(text=text), False)


def fields(*values: ScoredValue, specs: tuple[FieldSpec, ...] = ()) -> dict[str, object]:
    (result,) = result_to_json(LAYOUT, values, specs, "m1")["analyzeResult"]["documentResults"]
    return dict(result["fields"])


def test_a_field_without_a_value_is_null() -> None:
    assert fields(specs=(FieldSpec("party"),)) == {"party": None}


def test_a_value_off_a_form_has_no_place_in_a_text() -> None:
    told = {"type": "string", "valueString": "Woods", "text": "Woods", "page": 1, "confidence": 0.9}
    assert fields(value("party", "Woods")) == {"party": told}


def test_values_of_a_text_are_told_with_their_places_and_all_of_them() -> None:
    party = fields(value("party", "Woods", 0, 4), value("party", "Lee", 1, 20))["party"]
    assert isinstance(party, dict)
    assert (party["text"], party["offset"], party["length"]) == ("Woods", 4, 5)
    assert [(each["text"], each["offset"]) for each in party["occurrences"]] == [("Woods", 4), ("Lee", 20)]
