"""What a locale says about how values are written, from the Unicode CLDR (through babel)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from babel import Locale, UnknownLocaleError
from babel.numbers import get_territory_currencies

DateOrder = Literal["dmy", "mdy", "ymd"]
DecimalMark = Literal[".", ","]

_LANGUAGES = "en de fr es it pt nl da sv nb fi pl cs sk hu ro tr ru uk bg el id ms hr sl et lv lt ca vi"
"""Whose month names are tried when no locale is given."""

_TAG = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")


@dataclass(frozen=True, slots=True)
class Conventions:
    """How a locale writes values. `None` where it does not decide; words are folded by `fold`."""

    date_order: DateOrder | None = None
    decimal: DecimalMark | None = None
    territory: str | None = None
    currency: str | None = None
    currency_symbols: frozenset[str] = frozenset()
    months: Mapping[str, frozenset[int]] = field(default_factory=dict)
    weekdays: frozenset[str] = frozenset()
    meridiems: Mapping[str, str] = field(default_factory=dict)


def is_locale(text: str) -> bool:
    """Whether `text` names a locale of the CLDR: `en-US`, `de`, `zh-CN`, `zh-Hans-CN`."""
    return _locale(text) is not None


@lru_cache(maxsize=512)
def conventions(locale: str | None) -> Conventions:
    """The conventions of a locale, or the undecided ones for `None` and for an unknown locale."""
    found = _locale(locale) if locale else None
    if found is None:
        return Conventions()
    return Conventions(
        date_order=_date_order(found),
        decimal=_decimal(found),
        territory=found.territory,
        currency=_currency(found),
        currency_symbols=_currency_symbols(found, _currency(found)),
        months=_months((found, Locale("en"))),
        weekdays=_weekdays((found, Locale("en"))),
        meridiems=_meridiems(found),
    )


@lru_cache(maxsize=1)
def any_language() -> Conventions:
    """Month and weekday names of many languages at once; one name may stand for several months."""
    locales = [Locale(language) for language in _LANGUAGES.split()]
    return Conventions(months=_months(locales), weekdays=_weekdays(locales))


def fold(text: str) -> str:
    """Lower case without accents and full stops, so that `Jän.` and `jan` meet."""
    if text.isascii():
        return text.lower().replace(".", "").strip()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c) and c != ".").strip()


@lru_cache(maxsize=512)
def _locale(text: str) -> Locale | None:
    if not _TAG.fullmatch(text):
        return None
    name = text.replace("-", "_")
    if name == "no" or name.startswith("no_"):  # BCP 47 allows the macrolanguage; CLDR has nb and nn
        name = "nb" + name[2:]
    try:
        return Locale.parse(name)
    except (UnknownLocaleError, ValueError, TypeError):
        return None


def _date_order(locale: Locale) -> DateOrder | None:
    """English without a country does not tell day from month. Year-first English and French (Canada,
    South Africa) is the official order, not the one that people write, so it decides nothing."""
    pattern = str(locale.date_formats["short"].pattern).lower()
    letters = "".join(sorted("dmy", key=pattern.index))
    if locale.language == "en" and locale.territory is None:
        return None
    if letters == "ymd" and locale.language in {"en", "fr"}:
        return None
    return _ORDERS.get(letters)


_ORDERS: dict[str, DateOrder] = {"dmy": "dmy", "mdy": "mdy", "ymd": "ymd"}


def _decimal(locale: Locale) -> DecimalMark:
    symbols = locale.number_symbols
    mark = symbols.get("latn", symbols.get(locale.default_numbering_system, {})).get("decimal", ".")
    return "," if mark == "," else "."


def _currency(locale: Locale) -> str | None:
    if not locale.territory:
        return None
    codes = get_territory_currencies(locale.territory)
    return str(codes[0]) if len(codes) == 1 else None


def _currency_symbols(locale: Locale, code: str | None) -> frozenset[str]:
    if code is None:
        return frozenset()
    symbol = locale.currency_symbols.get(code)
    return frozenset({fold(symbol)} if symbol else ())


def _months(locales: Iterable[Locale]) -> dict[str, frozenset[int]]:
    """Names, abbreviations, and beginnings of three letters or more where they are no other name."""
    names: dict[str, set[int]] = {}
    beginnings: dict[str, set[int]] = {}
    for locale in locales:
        for context in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for number, name in locale.months[context][width].items():
                    word = fold(name)
                    names.setdefault(word, set()).add(number)
                    for end in range(3, len(word)):
                        beginnings.setdefault(word[:end], set()).add(number)
    return {word: frozenset(months) for word, months in (beginnings | names).items() if not word.isdigit()}


def _weekdays(locales: Iterable[Locale]) -> frozenset[str]:
    return frozenset(
        fold(word)
        for locale in locales
        for context in ("format", "stand-alone")
        for width in ("wide", "abbreviated", "short")
        for name in locale.days[context].get(width, {}).values()
        for word in name.replace("-", " ").split()
        if not word.isdecimal()
    )


def _meridiems(locale: Locale) -> dict[str, str]:
    return {
        fold(periods[half]): half
        for context in locale.day_periods.values()
        for periods in context.values()
        for half in ("am", "pm")
        if half in periods
    }
