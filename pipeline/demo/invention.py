"""Random but plausible business facts. All randomness comes from the generator that is handed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from random import Random

from pipeline.demo import words

FIRST_DAY = date(2023, 1, 2)


@dataclass(frozen=True, slots=True)
class Phone:
    """A number of the ranges kept free for fiction (US 555-01xx, UK drama numbers), in national groups."""

    country: str
    groups: tuple[str, ...]

    @property
    def e164(self) -> str:
        return f"+{self.country}" + "".join(self.groups).lstrip("0")


@dataclass(frozen=True, slots=True)
class Place:
    street: str
    city: str


@cache
def names_in(charset: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """First and last names that can be written in a Python codec (what a form's font can print)."""
    first, last = (
        tuple(name for name in names if name == name.encode(charset, "ignore").decode(charset))
        for names in (words.FIRST_NAMES, words.LAST_NAMES)
    )
    return first, last


def person(random: Random, charset: str = "utf-8") -> str:
    first, last = names_in(charset)
    return f"{random.choice(first)} {random.choice(last)}"


def company(random: Random, endings: Sequence[str] = words.US_ENDINGS, charset: str = "utf-8") -> str:
    """A firm named after a place or a founder, with or without a legal ending."""
    founders = names_in(charset)[1]
    head = random.choice(founders) if random.random() < 0.3 else random.choice(words.COMPANY_HEADS)
    ending = random.choice((*endings, ""))
    return f"{head} {random.choice(words.COMPANY_TRADES)} {ending}".strip()


def us_place(random: Random) -> Place:
    return Place(f"{random.randint(3, 980)} {random.choice(words.STREETS)}", random.choice(words.US_CITIES))


def uk_place(random: Random) -> Place:
    return Place(f"{random.randint(1, 180)} {random.choice(words.STREETS)}", random.choice(words.UK_CITIES))


def us_phone(random: Random) -> Phone:
    return Phone("1", (random.choice(words.US_AREA_CODES), "555", f"01{random.randint(0, 99):02d}"))


def uk_phone(random: Random) -> Phone:
    area, exchange = random.choice(words.UK_EXCHANGES)
    return Phone("44", (area, exchange, f"0{random.randint(0, 999):03d}"))


def amount(random: Random, low: int, high: int) -> Decimal:
    """Whole cents between two amounts of the currency's main unit."""
    return Decimal(random.randint(low * 100, high * 100)).scaleb(-2)


def day(random: Random, first: date = FIRST_DAY, span: int = 900) -> date:
    return first + timedelta(days=random.randrange(span))


def later(random: Random, start: date, low: int, high: int) -> date:
    return start + timedelta(days=random.randint(low, high))
