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
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from babel import Locale

from pipeline.values.locales import Conventions, DecimalMark, fold

_LONGEST = 64
_POINT = re.compile(r"(?:[1-9]\d{0,2}(?:[,']\d{3})+|[1-9]\d?(?:,\d{2})+,\d{3}|\d+)?(?:\.\d*)?")
_COMMA = re.compile(r"(?:[1-9]\d{0,2}(?:[.']\d{3})+|\d+)?(?:,\d*)?")
_UNDECIDED = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")
_SPLIT = re.compile(r"(?P<head>[^\d.,]*)(?P<body>[\d.,][\d.,'\s]*)(?P<tail>[^\d]*)")
_COMB = re.compile(r"\d(?:\s(?:[-–—]\s)?\d){4,}")
"""Single digits in the boxes of a comb, with the dashes that are printed between some of them."""
_MINUS = "-−‐‑‒–—"
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
    signed = (-n if negative and n else n for n in numbers)
    return frozenset(Amount(n, currency) for n in signed if not integer or n == n.to_integral_value())


def _parts(text: str) -> tuple[bool, str, str] | None:
    """Sign, unit (folded, without spaces) and digits with separators."""
    if len(text) > _LONGEST:
        return None
    plain = _latin_digits(unicodedata.normalize("NFKC", text)).strip().strip("*").strip()
    plain = re.sub(r"(?<=\d),[-–—]{1,2}$", "", plain)  # `100,-`: no cents
    if _COMB.fullmatch(plain):
        plain = re.sub(r"\D", "", plain)
    bracketed = plain.startswith("(") and plain.endswith(")")
    match = _SPLIT.fullmatch(plain[1:-1] if bracketed else plain)
    if match is None:
        return None
    around = match["head"] + match["tail"]
    signs = sum(around.count(sign) for sign in _MINUS)
    if signs > 1 or (signs and bracketed):
        return None
    unit = re.sub(rf"[{_MINUS}\s+]", "", around)
    return bracketed or bool(signs), _unit(match, unit), re.sub(r"\s", "", match["body"])


def _unit(match: re.Match[str], unit: str) -> str:
    """`$100 USD` and `$ 100 $` name their unit twice."""
    head, tail = (re.sub(rf"[{_MINUS}\s+]", "", match[part]) for part in ("head", "tail"))
    if head and tail:
        unit = tail if _code(tail) else head if _code(head) or fold(head) == fold(tail) else unit
    return fold(unit)


def _latin_digits(text: str) -> str:
    text = text.translate(_ARABIC_MARKS)
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)


_ARABIC_MARKS = str.maketrans({"٫": ".", "٬": ",", "’": "'", "‘": "'", "،": ",", "\u200f": "", "\u200e": ""})


def _numbers(body: str, mark: DecimalMark | None, *, strict: bool, groups: bool) -> frozenset[Decimal]:
    body = body.rstrip(".,") if body.count(".") + body.count(",") > 1 or groups else body
    readings = {"." : _read(body, _POINT, ",'", "."), ",": _read(body, _COMMA, ".'", ",")}  # fmt: skip
    if mark is not None and (strict or readings[mark] is not None or not {".", ","} <= set(body)):
        return frozenset(n for n in (readings[mark],) if n is not None)
    if groups and _UNDECIDED.fullmatch(body):
        return frozenset({Decimal(re.sub(r"\D", "", body))})
    return frozenset(n for n in readings.values() if n is not None)


def _read(body: str, shape: re.Pattern[str], group: str, mark: str) -> Decimal | None:
    if not re.search(r"\d", body) or shape.fullmatch(body) is None:
        return None
    digits = "".join(c for c in body if c not in group).replace(mark, ".")
    return Decimal(digits)


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
    return len(unit) == 3 and unit.isascii() and unit.upper() in Locale("en").currencies


@lru_cache(maxsize=1)
def _world_symbols() -> dict[str, str]:
    symbols = {fold(s).replace("\u202f", ""): code for code, s in Locale("en").currency_symbols.items()}
    named = {s: code for s, code in symbols.items() if s not in _SHARED and s.upper() != code}
    return named | {fold(s): code for s, code in _MORE_SYMBOLS.items()}
