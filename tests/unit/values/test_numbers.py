from decimal import Decimal

import pytest
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st

from pipeline.types import FieldSpec
from pipeline.values import normalise


def number(text: str, form: str = "not-specified", locale: str | None = None) -> Decimal | None:
    return normalise(text, FieldSpec("n", "number", form), locale).number


@pytest.mark.parametrize(
    ("text", "form", "locale", "expected"),
    [
        ("0", "not-specified", None, "0"),
        ("007", "not-specified", None, "7"),
        ("1234", "not-specified", None, "1234"),
        ("1,234.50", "not-specified", None, "1234.50"),
        ("1.234,50", "not-specified", None, "1234.50"),
        ("1.234,50", "not-specified", "en-US", "1234.50"),
        ("1,234,567", "not-specified", None, "1234567"),
        ("1.234.567", "not-specified", None, "1234567"),
        ("12,34,567.5", "not-specified", "en-IN", "1234567.5"),
        ("1.234", "not-specified", "de-DE", "1234"),
        ("1.234", "not-specified", "en-US", "1.234"),
        ("1,234", "not-specified", "en-US", "1234"),
        ("1.234", "decimal", None, "1.234"),
        ("1.234", "decimal", "de-DE", "1234"),
        ("1.234", "decimal-comma-seperated", None, "1234"),
        ("1,234", "decimal-comma-seperated", "en-US", "1.234"),
        ("0.125", "not-specified", None, "0.125"),
        ("1234.567", "not-specified", None, "1234.567"),
        ("12.5", "not-specified", None, "12.5"),
        ("12,5", "not-specified", None, "12.5"),
        (".5", "not-specified", None, "0.5"),
        ("1 234,50", "not-specified", "fr-FR", "1234.50"),
        ("1\u202f234,50", "not-specified", "fr-FR", "1234.50"),
        ("1’234.50", "not-specified", "de-CH", "1234.50"),
        ("-12.5", "not-specified", None, "-12.5"),
        ("−12.5", "not-specified", None, "-12.5"),
        ("12.5-", "not-specified", None, "-12.5"),
        ("(12.5)", "not-specified", None, "-12.5"),
        ("($ 1,234.50)", "not-specified", None, "-1234.50"),
        ("94, 850. 00", "not-specified", None, "94850.00"),
        ("9 4,850.00", "not-specified", None, "94850.00"),
        ("***1,234.00***", "not-specified", None, "1234.00"),
        ("12.5 %", "not-specified", None, "12.5"),
        ("１２.５", "not-specified", None, "12.5"),
        ("١٢٫٥", "not-specified", "ar-EG", "12.5"),
    ],
)
def test_numbers_by_format_locale_and_shape(text: str, form: str, locale: str | None, expected: str) -> None:
    assert number(text, form, locale) == Decimal(expected)


@pytest.mark.parametrize("text", ["1.234", "1,234", "-1.234", "(12,345)"])
def test_one_separator_before_three_digits_is_ambiguous_without_a_locale(text: str) -> None:
    value = normalise(text, FieldSpec("n", "number"))
    assert value.ambiguous and not value.known


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "abc",
        "12 pcs",
        "1.2.3",
        "1,23,4",
        "123-45-6789",
        "1e5",
        "--5",
        "(-5)",
        "5/3",
        ".",
        "1.2,3.4",
        "9" * 70,
    ],
)
def test_what_is_no_number_gets_no_value(text: str) -> None:
    value = normalise(text, FieldSpec("n", "number"))
    assert not value.known and not value.ambiguous


def test_comma_decimals_are_not_forced_into_a_point_locale() -> None:
    assert number("12,5", locale="en-US") is None
    assert number("1.234,5", "decimal-comma-seperated", "en-US") == Decimal("1234.5")


@pytest.mark.parametrize(
    ("text", "expected"), [("1,234", 1234), ("1.234", 1234), ("12.0", 12), ("- 5", -5), ("1 2 3", 123)]
)
def test_integers_have_no_decimals(text: str, expected: int) -> None:
    assert normalise(text, FieldSpec("n", "integer")).number == expected


def test_a_fraction_is_no_integer() -> None:
    assert not normalise("12.5", FieldSpec("n", "integer")).known


@pytest.mark.parametrize(
    ("text", "locale", "amount", "code"),
    [
        ("$94,850.00", None, "94850.00", None),
        ("$94,850.00", "en-US", "94850.00", "USD"),
        ("$94,850.00", "en-CA", "94850.00", "CAD"),
        ("$9,999", None, "9999", None),
        ("US$ 100", None, "100", "USD"),
        ("100 USD", None, "100", "USD"),
        ("$100 USD", None, "100", "USD"),
        ("EUR100.00", None, "100.00", "EUR"),
        ("1.234,56 €", "de-DE", "1234.56", "EUR"),
        ("1.234,56 €", None, "1234.56", "EUR"),
        ("1 234,56 zł", "pl-PL", "1234.56", "PLN"),
        ("RM 12.50", None, "12.50", "MYR"),
        ("£5", None, "5", "GBP"),
        ("¥500", "ja-JP", "500", "JPY"),
        ("¥500", None, "500", None),
        ("100 kr", "sv-SE", "100", "SEK"),
        ("100 kr", None, "100", None),
        ("100,-", "nb-NO", "100", "NOK"),
        ("$(1,234.00)".replace("$(", "($"), "en-US", "-1234.00", "USD"),
        ("-$5.00", "en-US", "-5.00", "USD"),
        ("1,234.00", "en-US", "1234.00", "USD"),
        ("1,234.00", None, "1234.00", None),
        ("12.", "en-US", "12", "USD"),
    ],
)
def test_amounts_and_their_currency(text: str, locale: str | None, amount: str, code: str | None) -> None:
    value = normalise(text, FieldSpec("a", "currency"), locale)
    assert (value.number, value.currency) == (Decimal(amount), code)


def test_a_number_without_a_symbol_has_no_currency() -> None:
    assert normalise("12.50", FieldSpec("n", "number"), "en-US").currency is None
    assert normalise("12.50", FieldSpec("n", "number", "currency"), "en-US").currency == "USD"


DECIMALS = st.decimals(-(10**12), 10**12, places=2)
LOCALES = ["en-US", "de-DE", "fr-FR", "de-CH", "sv-SE", "en-IN", "pt-BR", "ru-RU", "pl-PL", "it-IT"]


@given(DECIMALS, st.sampled_from(LOCALES))
def test_reads_the_numbers_that_the_cldr_writes(value: Decimal, locale: str) -> None:
    written = format_decimal(value, "#,##0.00", locale.replace("-", "_"), group_separator=True)
    assert number(written, locale=locale) == value


@given(DECIMALS)
def test_without_a_locale_never_another_number(value: Decimal) -> None:
    for locale in ("en_US", "de_DE"):
        read = normalise(format_decimal(value, "#,##0.00", locale), FieldSpec("n", "number"))
        assert read.number == value


@given(st.text(max_size=80))
def test_any_text_is_survived(text: str) -> None:
    value = normalise(text, FieldSpec("n", "currency"))
    assert value.number is None or value.number.is_finite()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("4 6 4 – 4 5 – 8 6 7 5", 464458675),
        ("3 4 - 2 1 3 5 1 6 3", 342135163),
        ("1 2 3 4 5 6 7 8 9", 123456789),
        ("1 - 2", None),
        ("10 - 12", None),
    ],
)
def test_digits_in_a_comb_are_one_number(text: str, number: int | None) -> None:
    found = normalise(text, FieldSpec("ssn", "number"))
    assert found.number == (None if number is None else Decimal(number))
