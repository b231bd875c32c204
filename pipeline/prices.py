"""What a service takes for pages and trainings, as data: `config/prices.toml`, each price with its source."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_UP, Decimal
from functools import cache
from types import MappingProxyType
from typing import Any, Literal

from pipeline.services import FREE_TIER, data_file
from pipeline.types import ModelKind

Item = Literal["extraction", "classification", "layout", "training", "neural-training", "text-records"]
LOCAL = "local"
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Cost:
    """An amount in US dollars, or rather its two ends. Not `known`: something in it has no known price, and
    is in neither end."""

    low: Decimal = Decimal(0)
    high: Decimal = Decimal(0)
    known: bool = True

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.low + other.low, self.high + other.high, self.known and other.known)

    def __str__(self) -> str:
        """`USD 71.40 to 102.00`, `USD 3.00`, `free`, `price unknown`. Rounded up to the cent: what is told is
        never less than what is taken."""
        if not self.high:
            return "free" if self.known else "price unknown"
        low, high = _cents(self.low), _cents(self.high)
        told = f"USD {high}" if low == high else f"USD {low} to {high}"
        return told if self.known else f"{told} and more, price unknown"


NOTHING = Cost()
UNKNOWN = Cost(known=False)


@dataclass(frozen=True, slots=True)
class Price:
    """What `per` units take, in US dollars. `low` is the cheapest commitment tier, `high` pay as you go; both
    are None where the price is not known. `read`: the day on which it was looked up."""

    unit: str
    per: int = 1
    low: Decimal | None = None
    high: Decimal | None = None
    low_source: str = ""
    high_source: str = ""
    region: str = ""
    read: date | None = None

    @property
    def known(self) -> bool:
        return self.low is not None and self.high is not None

    @property
    def free(self) -> bool:
        return self.high == 0

    def of(self, units: int) -> Cost:
        """What so many units take."""
        if self.low is None or self.high is None:
            return UNKNOWN if units else NOTHING
        return Cost(self.low * units / self.per, self.high * units / self.per)

    def units_for(self, amount: Decimal) -> int | None:
        """How many units an amount is enough for at the high end; None where nothing bounds them."""
        if not self.high:
            return None
        return int(amount * self.per / self.high)


FREE = Price("pages", 1000, Decimal(0), Decimal(0), "nothing is paid", "nothing is paid", "all")


@dataclass(frozen=True, slots=True)
class Prices:
    """All prices, by engine and item; `versions` has those of an API version where they differ. In the free
    tier nothing is paid: the service refuses what goes beyond it."""

    engines: Mapping[str, Mapping[str, Price]]
    versions: Mapping[tuple[str, str], Mapping[str, Price]] = field(default_factory=dict)
    tier: str = ""

    def of(self, engine: str, api_version: str | None, item: Item) -> Price:
        """The price of an item; one that is not known where nothing is told of it."""
        if engine == LOCAL or self.tier == FREE_TIER:
            return FREE
        own = self.versions.get((engine, api_version or ""), {})
        return own.get(item) or self.engines.get(engine, {}).get(item) or Price("pages")

    def of_scoring(self, engine: str, api_version: str | None, kind: ModelKind) -> Price:
        """The price of what documents are asked of a model of this kind."""
        return self.of(engine, api_version, scored_item(engine, kind))


def scored_item(engine: str, kind: ModelKind) -> Item:
    """What a document is paid as."""
    if engine == "language":
        return "text-records"
    return "classification" if kind == "classes" else "extraction"


@cache
def load_prices(tier: str = "") -> Prices:
    """The prices that this release knows, as they are in a pricing tier."""
    raw = tomllib.loads(data_file("config/prices.toml").decode())
    if raw["currency"] != "USD":
        raise ValueError("prices are in US dollars")
    engines: dict[str, Mapping[str, Price]] = {}
    versions: dict[tuple[str, str], Mapping[str, Price]] = {}
    for engine, items in raw["engines"].items():
        for version, own in items.pop("versions", {}).items():
            versions[engine, version] = _prices(own)
        engines[engine] = _prices(items)
    return Prices(MappingProxyType(engines), MappingProxyType(versions), tier)


def _prices(items: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Price]:
    return MappingProxyType({item: _price(facts) for item, facts in items.items()})


def _price(facts: Mapping[str, Any]) -> Price:
    ends = {end: Decimal(facts[end]) for end in ("low", "high") if end in facts}
    return Price(**{**facts, **ends})


def _cents(amount: Decimal) -> str:
    return f"{amount.quantize(_CENT, ROUND_UP):,}"
