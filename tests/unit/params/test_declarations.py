from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from pipeline.errors import RowError
from pipeline.params.declarations import read_declarations, write_declarations
from pipeline.params.rules import validate
from pipeline.services import load_services
from pipeline.types import FieldSpec, FormType


def test_rows_and_their_fields_are_taken_apart() -> None:
    declared = read_declarations(
        "form_types: [{Form_Type: w9, fields: [{field: ssn}, total]}, {form_type: w8}]"
    )
    assert [row["form_type"] for row in declared.rows] == ["w9", "w8"]
    assert declared.fields == {
        "w9": ({"field": "ssn", "form_type": "w9"}, {"field": "total", "form_type": "w9"})
    }


def test_a_list_without_a_heading_is_read_too() -> None:
    assert read_declarations("- form_type: w9").rows == ({"form_type": "w9"},)


def test_no_mention_of_fields_is_not_the_same_as_none() -> None:
    assert read_declarations("- form_type: w9").fields == {}
    assert read_declarations("- {form_type: w9, fields: }").fields == {"w9": ()}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "form_types: 5",
        "{a: b}",
        "just text",
        "form_types: [",
        "- {form_type: a, form_type: b}",
        "a: !!python/x",
        "- {[1]: 2}",
        "\x00",
    ],
)
def test_what_is_no_list_of_rows_is_refused(text: str) -> None:
    with pytest.raises(RowError, match="no list of form types"):
        read_declarations(text)


def test_a_syntax_error_is_told_with_its_line() -> None:
    with pytest.raises(RowError, match="line 3"):
        read_declarations("form_types:\n- form_type: w9\n  form_type: w8\n")


def test_an_entry_that_is_no_row_is_judged_as_one() -> None:
    declared = read_declarations("[5, [a], null]")
    found = validate(declared.rows, [], load_services(), date(2026, 11, 21))
    assert {"5", "['a']", "row 3"} <= found.faulty


def test_what_is_written_is_read_again_as_the_same_rows() -> None:
    written = (
        FormType("a1", "a1", "forms", "a/t/", "forms", "a/b/"),
        FormType(
            "b1",
            "tax",
            "forms",
            "b/t/",
            "forms",
            "b/b/",
            description="no",
            model_id="m-1",
            max_cost_per_run=Decimal("1.10"),
            enabled=False,
            locale="no",
            min_confidence=0.1,
            fields=(FieldSpec("Date: *", "date", "dmy", True, "en-GB", 0.5, "day"), FieldSpec("x")),
        ),
    )
    declared = read_declarations(write_declarations(written))
    fields = [field for own in declared.fields.values() for field in own]
    found = validate(declared.rows, fields, load_services(), date(2026, 11, 21))
    assert found.form_types == written


def test_ids_of_own_models_are_left_out() -> None:
    row = FormType("a1", "a1", "forms", "a/t/", "forms", "a/b/", model_id="made-here")
    assert "model_id" not in write_declarations([row], without_model_ids=frozenset({"made-here"}))
    assert "model_id: made-here" in write_declarations([row])


def test_a_faulty_row_is_written_as_it_stands() -> None:
    text = write_declarations([], [{"form_type": "w9", "engine": "lokal", "locale": None}])
    assert read_declarations(text).rows == ({"form_type": "w9", "engine": "lokal"},)
