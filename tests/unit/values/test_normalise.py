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
    rows = [
        (FieldSpec("d", "date"), "Oct {}, 2020", 28),
        (FieldSpec("n", "date"), "10/13/{}", 2020),
        (FieldSpec("a", "currency"), "${},850.00", 900),
        (FieldSpec("p", "phoneNumber"), "(425) 555-{}", 9999),
        (FieldSpec("t", "time"), "2:{} PM", 59),
    ]
    texts = [(spec, shape.format(last - number % 40)) for number in range(600) for spec, shape, last in rows]
    for spec, text in texts[:5]:
        normalise(text, spec, "en-US")  # locale data is read once
    start = perf_counter()
    for spec, text in texts:
        normalise(text, spec, "en-US")
    assert len(texts) / (perf_counter() - start) > 5000
