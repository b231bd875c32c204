import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.types import FieldSpec
from pipeline.values import equal
from pipeline.values.equality import canonical

TEXT, DATE, AMOUNT = FieldSpec("s"), FieldSpec("d", "date"), FieldSpec("a", "currency")
NUMBER, MARK, PHONE = FieldSpec("n", "number"), FieldSpec("m", "selectionMark"), FieldSpec("p", "phoneNumber")


@pytest.mark.parametrize(
    ("a", "b", "spec"),
    [
        ("Bob  FIORETTI, Inc.", "bob fioretti inc", TEXT),
        ("ﬁne", "FINE", TEXT),
        ("Straße", "STRASSE", TEXT),
        ("10/13/20", "10/13/2020", DATE),
        ("Oct13/20", "10/13/2020", DATE),
        ("03/04/20", "03/04/2020", DATE),
        ("10/13/2", "10 / 13 / 2", DATE),
        ("$94,850.00", "94850", AMOUNT),
        ("($99.00)", "-99", AMOUNT),
        ("USD 5", "5.00", AMOUNT),
        ("1.234", "1.234", NUMBER),
        ("x", "selected", MARK),
        ("none", "None.", AMOUNT),
        ("+1 425 555 0123", "+14255550123", PHONE),
    ],
)
def test_same_value(a: str, b: str, spec: FieldSpec) -> None:
    assert equal(a, b, spec) and equal(b, a, spec)
    assert equal(a, b, spec, mode="comparison")


@pytest.mark.parametrize(
    ("a", "b", "spec"),
    [
        ("Bob", "Rob", TEXT),
        ("10/13/20", "10/14/20", DATE),
        ("10/13/20", "2020", DATE),
        ("$94,850.00", "$9,485,000", AMOUNT),
        ("$1.50", "$150", AMOUNT),
        ("-5", "5", NUMBER),
        ("USD 5", "EUR 5", AMOUNT),
        ("x", "unselected", MARK),
        ("-", "", TEXT),
        ("5", "", NUMBER),
    ],
)
def test_different_values(a: str, b: str, spec: FieldSpec) -> None:
    assert not equal(a, b, spec) and not equal(b, a, spec)
    assert not equal(a, b, spec, mode="comparison")


def test_comparison_accepts_one_common_reading() -> None:
    assert not equal("03/04/20", "April 3, 2020", DATE)
    assert equal("03/04/20", "April 3, 2020", DATE, mode="comparison")
    assert equal("03/04/20", "April 3, 2020", DATE, "en-GB")
    assert not equal("03/04/20", "April 3, 2020", DATE, "en-US", mode="comparison")
    assert equal("1,234", "1234", NUMBER, mode="comparison")


@given(st.text(max_size=30), st.sampled_from([TEXT, DATE, AMOUNT, NUMBER, MARK, PHONE]))
def test_a_text_equals_itself(text: str, spec: FieldSpec) -> None:
    assert equal(text, text, spec)


@given(st.text(max_size=30))
def test_canonical_is_stable(text: str) -> None:
    assert canonical(canonical(text)) == canonical(text)
