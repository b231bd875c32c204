from datetime import date, time, timedelta

import pytest
from babel.dates import format_date
from hypothesis import given
from hypothesis import strategies as st

from pipeline.types import FieldSpec
from pipeline.values import normalise

OCT_13 = date(2020, 10, 13)


def a_date(text: str, form: str = "not-specified", locale: str | None = None) -> date | None:
    return normalise(text, FieldSpec("d", "date", form), locale).date


@pytest.mark.parametrize(
    ("text", "form", "locale"),
    [
        ("10/13/2020", "not-specified", None),
        ("10/13/20", "not-specified", None),
        ("13.10.2020", "not-specified", None),
        ("13.10.2020.", "not-specified", "hr-HR"),
        ("2020-10-13", "not-specified", None),
        ("2020-10-13T12:30:00Z", "not-specified", None),
        ("2020-10-13T12:30:00.123+02:00", "not-specified", None),
        ("20201013", "not-specified", None),
        ("10132020", "not-specified", None),
        ("10 / 13 / 2020", "not-specified", None),
        ("1 0/1 3/20", "not-specified", None),
        ("10 13 2020", "not-specified", None),
        ("(10/13/2020)", "not-specified", None),
        ("10/13/2020 12:30 PM", "not-specified", None),
        ("Tue 10/13/2020", "not-specified", None),
        ("20.10.13", "ymd", None),
        ("20.10.13", "not-specified", "hu-HU"),
        ("2020年10月13日", "not-specified", None),
        ("2020년 10월 13일", "not-specified", "ko-KR"),
        ("１０/１３/２０２０", "not-specified", None),
        ("October 13, 2020", "not-specified", None),
        ("13 October 2020", "not-specified", None),
        ("Oct13/20", "not-specified", None),
        ("13OCT20", "not-specified", None),
        ("13-Oct-2020", "not-specified", "en-GB"),
        ("Sept 13, 2020".replace("Sept", "Oct."), "not-specified", None),
        ("Tuesday, the 13th of October 2020", "not-specified", "en-GB"),
        ("13. Oktober 2020", "not-specified", "de-DE"),
        ("Dienstag, den 13. Okt. 2020", "not-specified", "de-DE"),
        ("13 octobre 2020", "not-specified", "fr-FR"),
        ("13 de octubre de 2020", "not-specified", "es-MX"),
        ("13 de outubro de 2020", "not-specified", "pt-BR"),
        ("13 октября 2020", "not-specified", "ru-RU"),
        ("13 października 2020", "not-specified", None),
        ("2020 okt 13", "not-specified", "hu-HU"),
        ("13 Oct 2020", "not-specified", "de-DE"),
    ],
)
def test_one_day_in_many_shapes(text: str, form: str, locale: str | None) -> None:
    assert a_date(text, form, locale) == OCT_13


@pytest.mark.parametrize(
    ("text", "form", "locale", "expected"),
    [
        ("03/04/2020", "dmy", None, date(2020, 4, 3)),
        ("03/04/2020", "mdy", None, date(2020, 3, 4)),
        ("03/04/2020", "not-specified", "en-US", date(2020, 3, 4)),
        ("03/04/2020", "not-specified", "en-GB", date(2020, 4, 3)),
        ("03.04.2020", "not-specified", "de-DE", date(2020, 4, 3)),
        ("03/04/2020", "mdy", "de-DE", date(2020, 3, 4)),
        ("13/10/2020", "not-specified", "en-US", OCT_13),
        ("03/03/2020", "not-specified", None, date(2020, 3, 3)),
        ("01/02/69", "mdy", None, date(1969, 1, 2)),
        ("01/02/68", "mdy", None, date(2068, 1, 2)),
        ("4 July 1752", "not-specified", None, date(1752, 7, 4)),
        ("01/02/0812", "dmy", None, date(812, 2, 1)),
        ("29/02/2020", "not-specified", None, date(2020, 2, 29)),
    ],
)
def test_format_then_locale_decide_the_order(
    text: str, form: str, locale: str | None, expected: date
) -> None:
    assert a_date(text, form, locale) == expected


@pytest.mark.parametrize("locale", [None, "en", "en-CA", "sv-SE", "xx-YY"])
def test_day_and_month_that_nothing_decides_are_ambiguous(locale: str | None) -> None:
    value = normalise("03/04/2020", FieldSpec("d", "date"), locale)
    assert value.ambiguous and not value.known


def test_month_name_of_two_languages_is_ambiguous_until_the_locale_decides() -> None:
    assert normalise("1 listopad 2020", FieldSpec("d", "date")).ambiguous
    assert a_date("1 listopad 2020", locale="pl-PL") == date(2020, 11, 1)
    assert a_date("1 listopad 2020", locale="hr-HR") == date(2020, 10, 1)


def test_locale_of_the_field_wins_over_the_row() -> None:
    spec = FieldSpec("d", "date", locale="en-GB")
    assert normalise("03/04/2020", spec, "en-US").date == date(2020, 4, 3)


@pytest.mark.parametrize(
    "text",
    ["", "-", "n/a", "31/02/2020", "02/30/2020", "13/13/2020", "2021-02-29", "00/10/2020", "10/13/202",
     "10/13", "October 2020", "10/13/20 - 10/19/20", "Octember 13, 2020", "32 March 2020", "2,419,109",
     "2419109-1", "1.2", "99999999", "tomorrow", "in 2 days", "10/13/2020 10/14/2020", "0000-01-01",
     "13 Oct Nov 2020", "1" * 200],
)  # fmt: skip
def test_what_is_no_date_gets_no_value(text: str) -> None:
    value = normalise(text, FieldSpec("d", "date"))
    assert not value.known and not value.ambiguous


def test_format_is_obeyed_where_it_makes_the_date_impossible() -> None:
    assert not normalise("10/13/2020", FieldSpec("d", "date", "dmy")).known


LOCALES = ["en-US", "en-GB", "de-DE", "fr-FR", "es-ES", "it-IT", "nl-NL", "pl-PL", "ru-RU", "pt-BR", "cs-CZ"]
DAYS = st.dates(date(1000, 1, 1))


@given(DAYS, st.sampled_from(LOCALES), st.sampled_from(["long", "full"]))
def test_reads_the_dates_that_the_cldr_writes_in_words(day: date, locale: str, width: str) -> None:
    written = format_date(day, width, locale.replace("-", "_"))
    assert a_date(written, locale=locale) == day


@given(DAYS, st.sampled_from(["%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y"]))
def test_never_another_day_than_a_person_could_mean(day: date, shape: str) -> None:
    value = normalise(day.strftime(shape).zfill(10), FieldSpec("d", "date"))
    tells = day.day > 12 or day.day == day.month
    assert value.date == (day if tells else None)
    assert value.ambiguous == (not tells)


@given(st.text(max_size=90))
def test_any_text_is_survived(text: str) -> None:
    value = normalise(text, FieldSpec("d", "date"))
    assert value.date is None or timedelta() <= value.date - date.min


@pytest.mark.parametrize(
    ("text", "locale", "expected"),
    [
        ("14:05", None, time(14, 5)),
        ("14:05:09", None, time(14, 5, 9)),
        ("2:05 PM", None, time(14, 5)),
        ("2.05 p.m.", None, time(14, 5)),
        ("12:00 am", None, time(0, 0)),
        ("12:15pm", None, time(12, 15)),
        ("9 am", None, time(9, 0)),
        ("0905", None, time(9, 5)),
        ("14.05 Uhr", "de-DE", time(14, 5)),
        ("14h05", "fr-FR", time(14, 5)),
        ("13:00 PM", None, time(13, 0)),
    ],
)
def test_times_of_day(text: str, locale: str | None, expected: time) -> None:
    assert normalise(text, FieldSpec("t", "time"), locale).time == expected


@pytest.mark.parametrize(
    "text", ["", "25:00", "14:60", "13:00 am", "12", "noonish", "14:05 - 15:00", "24:00"]
)
def test_what_is_no_time_gets_no_value(text: str) -> None:
    assert not normalise(text, FieldSpec("t", "time")).known
