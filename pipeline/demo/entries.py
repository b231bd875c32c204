"""Entries: what is filled into a form, as printed and as a typed value; manners: how a layout prints."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from pipeline.demo.invention import Phone


@dataclass(frozen=True, slots=True)
class Entry:
    """One filled-in value.

    `text` is what stands on the paper (`selected` or `unselected` for a tick box); `value` is the same
    as JSON: ISO date, plain decimal, integer, E.164 number.
    """

    field: str
    text: str
    value: str | int

    @property
    def ticked(self) -> bool:
        return self.text == "selected"


@dataclass(frozen=True, slots=True)
class Manner:
    """How a layout prints dates (strftime), money and phone numbers (str.format)."""

    date: str = "%m/%d/%Y"
    money: str = "${:,.2f}"
    phone: str = "({}) {}-{}"


def text_entry(field: str, text: str) -> Entry:
    return Entry(field, text, text)


def integer_entry(field: str, number: int) -> Entry:
    return Entry(field, str(number), number)


def date_entry(field: str, day: date, manner: Manner) -> Entry:
    return Entry(field, day.strftime(manner.date), day.isoformat())


def money_entry(field: str, amount: Decimal, manner: Manner) -> Entry:
    return Entry(field, manner.money.format(amount), f"{amount:.2f}")


def phone_entry(field: str, phone: Phone, manner: Manner) -> Entry:
    return Entry(field, manner.phone.format(*phone.groups), phone.e164)


def mark_entry(field: str, selected: bool) -> Entry:
    state = "selected" if selected else "unselected"
    return Entry(field, state, state)
