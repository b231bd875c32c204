"""Exact numbers and amounts of money from text.

A number is written in the point style (`1,234.5`) or in the comma style (`1.234,5`). The field's format
decides the style, then the locale, then the text itself. One separator before exactly three digits
(`1.234`, `1,234`) reads both ways: without format and locale it is ambiguous, except that an integer has
no decimals and money has two at most, so there it groups thousands. A text that is not well-formed in
its locale is read in the other style only when it shows both separators (`1.234,56` under `en-US`).

Per cent is taken as printed (`12%` is 12). A plain `$`, `¥` or `kr` names a currency only together
with a locale whose currency is written so.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from babel import Locale

from pipeline.values.locales import Conventions, DecimalMark, fold

_LONGEST = 64
_POINT = re.compile(r"(?:[1-9]\d{0,2}(?:[,']\d{3})+|[1-9]\d?(?:,\d{2})+,\d{3}|\d+)?(?:\.\d*)?")
_COMMA = re.compile(r"(?:[1-9]\d{0,2}(?:[.']\d{3})+|\d+)?(?:,\d*)?")
_STYLES: Mapping[DecimalMark, tuple[re.Pattern[str], str]] = {".": (_POINT, ","), ",": (_COMMA, ".")}
"""By decimal mark: the shape of a number and what groups its thousands, beside the apostrophe."""
_DIGIT = re.compile(r"\d")
_UNDECIDED = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")
_SPLIT = re.compile(r"(?P<head>[^\d.,]*)(?P<body>[\d.,][\d.,'\s]*)(?P<tail>[^\d]*)")
_COMB = re.compile(r"\d(?:\s(?:[-–—]\s)?\d){4,}")
"""Single digits in the boxes of a comb, with the dashes that are printed between some of them."""
_MINUS = "-−‐‑‒–—"
_SIGN = re.compile(f"[{_MINUS}]")
_NO_UNIT = re.compile(rf"[{_MINUS}\s+]")
_DASHES = ("-", "–", "—")
_NO_CENTS = re.compile(r"(?<=\d),[-–—]{1,2}$")
"""`100,-`"""
_SHARED = {"$", "¥", "kr", "£", "rs"}
_MORE_SYMBOLS = {
    "us$": "USD", "a$": "AUD", "au$": "AUD", "c$": "CAD", "s$": "SGD", "£": "GBP", "zł": "PLN", "kč": "CZK",
    "rm": "MYR", "₽": "RUB", "₺": "TRY", "₴": "UAH", "฿": "THB", "₦": "NGN", "₱": "PHP", "ft": "HUF",
    "fr": "CHF", "sfr": "CHF",
}  # fmt: skip
"""Symbols in daily use that the CLDR's English names leave out; `£` yields to a locale that owns it."""


@dataclass(frozen=True, slots=True)
class Amount:
    number: Decimal
    currency: str | None = None


def amount_readings(
    text: str,
    style: DecimalMark | None,
    known: Conventions,
    *,
    money: bool = False,
    integer: bool = False,
) -> frozenset[Amount]:
    """Every amount the text can mean: none (not a number), one, or more (ambiguous).

    `style` is the decimal mark of the field's format. `money` says the field holds amounts: its code
    then comes from the locale where the text names none. `integer` keeps whole numbers only.
    """
    parts = _parts(text)
    if parts is None:
        return frozenset()
    negative, unit, body = parts
    currency = _currency(unit, known)
    if unit and currency is None and not _is_unit(unit, known):
        return frozenset()
    if money and not unit:
        currency = known.currency
    whole_groups = integer or money or (bool(unit) and unit != "%")
    numbers = _numbers(body, style or known.decimal, strict=style is not None, groups=whole_groups)
    signed = [-n if negative and n else n for n in numbers]
    return frozenset([Amount(n, currency) for n in signed if not integer or n == n.to_integral_value()])


def _parts(text: str) -> tuple[bool, str, str] | None:
    """Sign, unit (folded, without spaces) and digits with separators."""
    if len(text) > _LONGEST:
        return None
    plain = _latin(text).strip().strip("*").strip()
    if plain.endswith(_DASHES):
        plain = _NO_CENTS.sub("", plain)
    if _COMB.fullmatch(plain):
        plain = re.sub(r"\D", "", plain)
    bracketed = plain.startswith("(") and plain.endswith(")")
    match = _SPLIT.fullmatch(plain[1:-1] if bracketed else plain)
    if match is None:
        return None
    head, body, tail = match.groups()
    number = "".join(body.split())
    if not head and not tail:
        return bracketed, "", number
    signs = len(_SIGN.findall(head + tail))
    if signs > 1 or (signs and bracketed):
        return None
    unit = _unit(_NO_UNIT.sub("", head), _NO_UNIT.sub("", tail))
    return bracketed or bool(signs), unit, number


def _unit(head: str, tail: str) -> str:
    """`$100 USD` and `$ 100 $` name their unit twice."""
    if not head or not tail:
        return fold(head or tail)
    return fold(tail if _code(tail) else head if _code(head) or fold(head) == fold(tail) else head + tail)


def _latin(text: str) -> str:
    """Digits and marks as they are written in English."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", text).translate(_ARABIC_MARKS)
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)


_ARABIC_MARKS = str.maketrans({"٫": ".", "٬": ",", "’": "'", "‘": "'", "،": ",", "\u200f": "", "\u200e": ""})


def _numbers(body: str, mark: DecimalMark | None, *, strict: bool, groups: bool) -> Sequence[Decimal]:
    body = body.rstrip(".,") if body.count(".") + body.count(",") > 1 or groups else body
    if mark is not None:
        number = _read(body, mark)
        if number is not None:
            return (number,)
        if strict or "." not in body or "," not in body:
            return ()
    if groups and _UNDECIDED.fullmatch(body):
        return (Decimal(re.sub(r"\D", "", body)),)
    readings = (_read(body, "."), _read(body, ","))
    return [n for n in readings if n is not None]


def _read(body: str, mark: DecimalMark) -> Decimal | None:
    shape, group = _STYLES[mark]
    if shape.fullmatch(body) is None or _DIGIT.search(body) is None:
        return None
    return Decimal(body.replace(group, "").replace("'", "").replace(mark, "."))


def _currency(unit: str, known: Conventions) -> str | None:
    if not unit:
        return None
    if _code(unit):
        return unit.upper()
    if unit in known.currency_symbols:
        return known.currency
    return _world_symbols().get(unit)


def _is_unit(unit: str, known: Conventions) -> bool:
    return unit in _SHARED or unit == "%" or unit in known.currency_symbols


def _code(unit: str) -> bool:
    return len(unit) == 3 and unit.isascii() and unit.upper() in _codes()


@lru_cache(maxsize=1)
def _codes() -> frozenset[str]:
    return frozenset(Locale("en").currencies)


@lru_cache(maxsize=1)
def _world_symbols() -> dict[str, str]:
    symbols = {fold(s).replace("\u202f", ""): code for code, s in Locale("en").currency_symbols.items()}
    named = {s: code for s, code in symbols.items() if s not in _SHARED and s.upper() != code}
    return named | {fold(s): code for s, code in _MORE_SYMBOLS.items()}
