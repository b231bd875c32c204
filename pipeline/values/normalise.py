"""A text in the type of its field."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import phonenumbers

from pipeline.types import FieldSpec, MarkState, TypedValue
from pipeline.values.dates import date_readings, time_readings
from pipeline.values.locales import Conventions, DateOrder, DecimalMark, conventions, fold
from pipeline.values.numbers import Amount, amount_readings

_YES = "yes y true on 1 checked ticked selected :selected: ja oui si sim da tak はい"
_TICKS = "x v ✓ ✔ ☑ ☒ ☓ ✕ ✖ ✗ ✘ ■ ● ◉ ⊠ ⊗ ⚫ [x] (x) [v] [✓] [✔]"
_NO = "no n false off 0 unchecked unselected :unselected: nein non nao nee nej nei nie いいえ"
_EMPTY_BOXES = "☐ □ ○ ◯ ▢ ❏ ⚪ [] ()"
_SELECTED = frozenset([*_YES.split(), *_TICKS.split()])
_UNSELECTED = frozenset([*_NO.split(), *_EMPTY_BOXES.split()])
_DATE_ORDERS: dict[str, DateOrder] = {"dmy": "dmy", "mdy": "mdy", "ymd": "ymd"}


def normalise(text: str, spec: FieldSpec, locale: str | None = None) -> TypedValue:
    """The value of `text` by the type, format and locale of its field; nothing set where it has none.

    `locale` is the row's (BCP 47); `spec.locale` wins over it. A text that reads as two different
    values is `ambiguous` and gets none. Amounts carry an ISO 4217 code where text or locale tell it.
    A phone number becomes E.164 text; one without a country code needs a locale with a country.
    Strings become text with single spaces (`no-whitespaces`: none, `alphanumeric`: letters and digits).
    """
    known = conventions(spec.locale or locale)
    if spec.type == "date":
        return _one_date(text, spec, known)
    if spec.type == "time":
        times = time_readings(text, known)
        return TypedValue(time=next(iter(times), None))
    if spec.type in ("number", "integer", "currency"):
        return _one_amount(amounts(text, spec, known))
    if spec.type == "selectionMark":
        return TypedValue(mark=mark(text))
    if spec.type == "phoneNumber":
        return TypedValue(text=phone(text, known.territory))
    return TypedValue(text=_string(text, spec.format) or None)


def amounts(text: str, spec: FieldSpec, known: Conventions) -> frozenset[Amount]:
    """What a number, integer or currency field can mean by its format and conventions."""
    return amount_readings(
        text,
        decimal_mark(spec, known),
        known,
        money=spec.type == "currency" or spec.format == "currency",
        integer=spec.type == "integer",
    )


def decimal_mark(spec: FieldSpec, known: Conventions) -> DecimalMark | None:
    """`decimal-comma-seperated` (the service's spelling) is a comma; `decimal` a point unless the
    locale says otherwise."""
    if spec.format == "decimal-comma-seperated":
        return ","
    return "." if spec.format == "decimal" and known.decimal is None else None


def date_order(spec: FieldSpec) -> DateOrder | None:
    return _DATE_ORDERS.get(spec.format)


def mark(text: str) -> MarkState | None:
    """The state of a selection mark: words, crosses, ticks and empty boxes; `None` for other texts."""
    word = fold("".join(text.split()))
    if word in _SELECTED:
        return "selected"
    return "unselected" if word in _UNSELECTED else None


@lru_cache(maxsize=4096)
def phone(text: str, territory: str | None) -> str | None:
    """E.164, if the number has a possible length in its country; extensions are dropped."""
    region = territory if territory in phonenumbers.SUPPORTED_REGIONS else None
    try:
        number = phonenumbers.parse(unicodedata.normalize("NFKC", text), region)
    except phonenumbers.NumberParseException:
        return None
    length = phonenumbers.is_possible_number_with_reason(number)
    possible = length == phonenumbers.ValidationResult.IS_POSSIBLE  # not: possible within a town only
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if possible else None


def _one_date(text: str, spec: FieldSpec, known: Conventions) -> TypedValue:
    found = date_readings(text, date_order(spec), known)
    return TypedValue(date=next(iter(found)) if len(found) == 1 else None, ambiguous=len(found) > 1)


def _one_amount(found: frozenset[Amount]) -> TypedValue:
    if len(found) != 1:
        return TypedValue(ambiguous=len(found) > 1)
    amount = next(iter(found))
    return TypedValue(number=amount.number, currency=amount.currency)


def _string(text: str, form: str) -> str:
    if form == "no-whitespaces":
        return "".join(text.split())
    if form == "alphanumeric":
        return "".join(c for c in text if c.isalnum())
    return " ".join(text.split())
