"""What a run and its rows may spend."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from pipeline.prices import NOTHING, Cost, Price, Prices, load_prices
from pipeline.scoring.spending import Limits, Purse, Spending
from pipeline.types import FormType


@dataclass(frozen=True, slots=True)
class RunLimits:
    """Limits of a whole run, shared by its rows; None is no limit. `cost` in US dollars; after so many
    `minutes` nothing more is begun."""

    pages: int | None = None
    cost: Decimal | None = None
    train_runs: int | None = None
    minutes: float | None = None


class Allowance:
    """Of one run: it is shared by the rows, each of which has limits of its own beside it. The minutes
    count from when it is made."""

    def __init__(
        self,
        limits: RunLimits | None = None,
        prices: Prices | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        limits = limits or RunLimits()
        self.minutes = limits.minutes
        self._clock = clock
        self._began = clock()
        self.prices = prices or load_prices()
        self._run = Purse(Limits(limits.pages, limits.cost, of_run=True))
        self._rows: dict[str, Purse] = {}
        self._train_runs = limits.train_runs
        self._trained = 0
        self._lock = threading.Lock()

    def spending(self, row: FormType, price: Price) -> Spending:
        """What a row spends at this price; of one purse, however often it is asked for."""
        with self._lock:
            limits = Limits(row.max_pages_per_run, row.max_cost_per_run)
            own = self._rows.setdefault(row.form_type, Purse(limits))
        return Spending(price, own, self._run)

    def cost_of(self, form_type: str) -> Decimal | None:
        """What was paid for a row so far, at the high end of the prices; None where that is nothing."""
        own = self._rows.get(form_type)
        return (own.spent.cost or None) if own else None

    @property
    def over_time(self) -> str | None:
        """The limit on time, `the run's max_minutes 50`, once it is over."""
        if self.minutes is None or self._clock() - self._began < self.minutes * 60:
            return None
        return f"the run's max_minutes {self.minutes:g}"

    def begin_training(self) -> str | None:
        """Count a training; why it may not be begun in this run, where that is so."""
        if over := self.over_time:
            return f"{over} are over: left for a later run"
        with self._lock:
            if self._train_runs is not None and self._trained >= self._train_runs:
                return f"the run's max_train_runs {self._train_runs} reached: left for a later run"
            self._trained += 1
            return None


def rest(documents: int, pages: int, cost: Cost) -> str:
    """`1,200 documents (about 3,400 pages, USD 71.40 to 102.00)`; without a price where nothing is paid."""
    price = "" if cost == NOTHING else f", {cost}"
    return f"{_number(documents, 'document')} (about {_number(pages, 'page')}{price})"


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
