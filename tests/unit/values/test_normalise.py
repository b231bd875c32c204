from time import perf_counter

import pytest

from pipeline.types import FieldSpec, TypedValue
from pipeline.values import is_locale, normalise


@pytest.mark.parametrize(
    "text",
    ["selected", ":selected:", "X", "x ", "Yes", "TRUE", "✓", "☑", "☒", "[X]", "( x )", "checked", "Sí", "1"],
)
def test_selected_marks(text: str) -> None:
    assert normalise(text, FieldSpec("m", "selectionMark")).mark == "selected"


@pytest.mark.parametrize("text", ["unselected", ":unselected:", "No", "☐", "[ ]", "()", "off", "0", "□"])
def test_unselected_marks(text: str) -> None:
    assert normalise(text, FieldSpec("m", "selectionMark")).mark == "unselected"


@pytest.mark.parametrize("text", ["", "maybe", "12", "xyz"])
def test_other_texts_are_no_mark(text: str) -> None:
    assert normalise(text, FieldSpec("m", "selectionMark")).mark is None


@pytest.mark.parametrize(
    ("text", "locale", "expected"),
    [
        ("(425) 555-0123", "en-US", "+14255550123"),
        ("425.555.0123", "en-US", "+14255550123"),
        ("+1 425 555 0123", None, "+14255550123"),
        ("030 901820", "de-DE", "+4930901820"),
        ("0044 20 7946 0958", "de-DE", "+442079460958"),
        ("555-0123", "en-US", None),
        ("(425) 555-0123", None, None),
        ("(425) 555-0123", "es-419", None),
        ("not a number", "en-US", None),
    ],
)
def test_phone_numbers(text: str, locale: str | None, expected: str | None) -> None:
    assert normalise(text, FieldSpec("p", "phoneNumber"), locale).text == expected


@pytest.mark.parametrize(
    ("form", "expected"),
    [("not-specified", "AB - 12 é"), ("no-whitespaces", "AB-12é"), ("alphanumeric", "AB12é")],
)
def test_strings_by_format(form: str, expected: str) -> None:
    assert normalise(" AB -  12\né ", FieldSpec("s", "string", form)) == TypedValue(text=expected)


def test_blank_string_has_no_value() -> None:
    assert normalise("  ", FieldSpec("s")) == TypedValue()


@pytest.mark.parametrize("text", ["en-US", "en_US", "de", "zh-CN", "zh-Hans-CN", "es-419", "no-NO", "pt-br"])
def test_locales_that_exist(text: str) -> None:
    assert is_locale(text)


@pytest.mark.parametrize("text", ["", "xx-YY", "en-", "english", "en-US; drop", "de-US", "C", "-", "12"])
def test_locales_that_do_not_exist(text: str) -> None:
    assert not is_locale(text)


def test_five_thousand_values_a_second() -> None:
    texts = {
        "date": "Oct 13, 2020",
        "currency": "$94,850.00",
        "phoneNumber": "(425) 555-0123",
        "time": "2:05 PM",
    }
    specs = [FieldSpec("f", kind) for kind in texts]
    for spec in specs:
        normalise(texts[spec.type], spec, "en-US")
    start = perf_counter()
    for number in range(1000):
        for spec in specs:
            normalise(f"{texts[spec.type]}{' ' * (number % 9)}", spec, "en-US")
    assert 4000 / (perf_counter() - start) > 5000
