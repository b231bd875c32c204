"""What a row and a run may spend, in pages and US dollars, and whether one more document is still within it.

What a document takes is set aside before it is asked of a service, and is spent once the service took it:
spent, set aside and the next document together never pass a limit, however many are in flight. The first
document that does not fit ends the taking; smaller ones do not go ahead of it. The bill is reckoned at the
high end of the prices. Safe to use by several threads."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from pipeline.prices import FREE, Price

OVER_LIMIT = "over-limit"
"""The reason of a document that was left pending because of a limit; it costs no attempt."""
MOST_TOO_LARGE = 25
"""So many documents that are over a limit by themselves end the taking: each was fetched for nothing."""
_NAMED = 3
Kind = Literal["pages", "cost"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be spent; None is no limit. They are a row's, or those of a whole run."""

    pages: int | None = None
    cost: Decimal | None = None
    of_run: bool = False

    def told(self, kind: Kind) -> str:
        """`max_pages_per_run 500`, `the run's max_cost USD 12.50`."""
        name = f"the run's max_{kind}" if self.of_run else f"max_{kind}_per_run"
        return f"{name} {self.pages:,}" if kind == "pages" else f"{name} USD {self.cost:,}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a document was not let through. `reached`: others use the limit up. `too-large`: it is over the
    whole limit by itself. `unknown-price`: nobody can say whether it is within the limit."""

    kind: Literal["reached", "too-large", "unknown-price"]
    limit: str

    def __str__(self) -> str:
        if self.kind == "reached":
            return f"stopped at {self.limit}"
        if self.kind == "too-large":
            return f"over {self.limit} by itself"
        return f"stopped at {self.limit}: the price is unknown, so nothing can be held to it"


@dataclass(slots=True)
class Amount:
    """Pages, and what they cost in US dollars."""

    pages: int = 0
    cost: Decimal = Decimal(0)

    def add(self, pages: int, cost: Decimal) -> None:
        self.pages += pages
        self.cost += cost


class Purse:
    """One limit and what was spent of it, by one row or by all rows of a run. For holders of its lock."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.lock = threading.Lock()
        self.spent = Amount()
        self.aside = Amount()
        self._closed: set[Kind] = set()

    def too_large(self, pages: int, cost: Decimal) -> Kind | None:
        """The limit that this much is over by itself."""
        allowed = self.limits
        if allowed.pages is not None and pages > allowed.pages:
            return "pages"
        return "cost" if allowed.cost is not None and cost > allowed.cost else None

    def reached(self, pages: int, cost: Decimal) -> Kind | None:
        """The limit that was reached, or would be passed by this much more. What is no page, or costs
        nothing, is not held back by a limit on them."""
        if pages and ("pages" in self._closed or self._over("pages", pages, cost)):
            return "pages"
        if cost and ("cost" in self._closed or self._over("cost", pages, cost)):
            return "cost"
        return None

    def _over(self, kind: Kind, pages: int, cost: Decimal) -> bool:
        if kind == "pages":
            used = self.spent.pages + self.aside.pages + pages
            return self.limits.pages is not None and used > self.limits.pages
        return self.limits.cost is not None and self.spent.cost + self.aside.cost + cost > self.limits.cost

    def close(self, kind: Kind) -> None:
        """Let nothing more through that this limit is about."""
        self._closed.add(kind)


class Spending:
    """What one row spends on pages of one price: of its own purse, and of the run's where there is one. What
    is not limited is counted all the same. `limited`: whether there is any limit at all."""

    def __init__(self, price: Price = FREE, own: Purse | None = None, run: Purse | None = None) -> None:
        self.price = price
        self._own = own or Purse()
        self._purses = (self._own,) if run is None else (self._own, run)
        self._lock = self._purses[-1].lock
        limits = [purse.limits for purse in self._purses]
        self.limited = any(each.pages is not None or each.cost is not None for each in limits)
        self._seen = Amount()
        self._documents = 0
        self._refusal: Refusal | None = None
        self._too_large: list[str] = []
        self.left_out = 0

    @property
    def closed(self) -> Refusal | None:
        """Why no further document may be begun now; None as long as a page more may. It is for good once a
        document did not fit; before that, what comes back of what was set aside may make room."""
        if not self.limited:
            return None
        with self._lock:
            refusal = self._refusal or self._refused(1, 1)
            too_large = refusal is not None and refusal.kind == "too-large"
            return Refusal("reached", refusal.limit) if refusal and too_large else refusal

    @property
    def limits(self) -> tuple[Limits, Limits]:
        """The row's, and the run's."""
        return self._own.limits, self._purses[-1].limits if len(self._purses) > 1 else Limits(of_run=True)

    @property
    def spent(self) -> Amount:
        """Pages that were taken for this row, and what they and its layouts cost."""
        with self._lock:
            return Amount(self._own.spent.pages, self._own.spent.cost)

    def spent_of_each(self) -> list[Amount]:
        """Of the row's purse, and of the run's where there is one."""
        with self._lock:
            return [Amount(purse.spent.pages, purse.spent.cost) for purse in self._purses]

    def take_over(self, spent: Sequence[Amount]) -> None:
        """What each purse has spent now: others spent of it as well."""
        with self._lock:
            for purse, amount in zip(self._purses, spent, strict=True):
                purse.spent = amount

    def leave_out(self, documents: int, too_large: Sequence[str]) -> None:
        """Count documents that others left out for being over a whole limit by themselves."""
        self.left_out += documents
        self._too_large = [*self._too_large, *too_large][:_NAMED]

    def forget_left_out(self) -> None:
        """They are looked at again."""
        self.left_out = 0
        self._too_large = []

    def close(self, refusal: Refusal) -> None:
        """Let nothing more through: others came to the limit."""
        self._refusal = refusal

    @property
    def too_large(self) -> tuple[str, ...]:
        """The first documents that are over a whole limit by themselves, each with its pages and the limit;
        `left_out` is the number of all of them."""
        return tuple(self._too_large)

    @property
    def mean_pages(self) -> float | None:
        """Pages of a document, over those that were counted, let through or not."""
        return self._seen.pages / self._documents if self._documents else None

    def reserve(self, pages: int, name: str = "", units: int | None = None) -> Reservation | Refusal:
        """Set aside what a document of so many pages takes, or say why not. `units`: what is paid for it,
        where that is not its pages."""
        units = pages if units is None else units
        with self._lock:
            self._documents += 1
            self._seen.pages += pages
            refusal = self._refusal or self._refused(pages, units)
            if refusal is None:
                return self._set_aside(pages, units)
            if refusal.kind == "too-large":
                self._leave_out(f"{name} with {pages:,} pages is {refusal}", refusal)
            else:
                self._close(refusal, pages, units)
            return refusal

    def reserve_layout(self, pages: int) -> Reservation | Refusal:
        """Set aside what the layout of a training form costs: it is no document of the backlog, counts
        against limits on cost only, and is refused without ending anything else."""
        with self._lock:
            refusal = self._refused(pages, pages, counted=False)
            return refusal or self._set_aside(pages, pages, counted=False)

    def _refused(self, pages: int, units: int, *, counted: bool = True) -> Refusal | None:
        cost = self._cost(units)
        counting = pages if counted else 0
        for purse in self._purses:
            if not self.price.known and purse.limits.cost is not None:
                return Refusal("unknown-price", purse.limits.told("cost"))
        for purse in self._purses:
            if kind := purse.too_large(counting, cost):
                return Refusal("too-large", purse.limits.told(kind))
        for purse in self._purses:
            if kind := purse.reached(counting, cost):
                return Refusal("reached", purse.limits.told(kind))
        return None

    def _set_aside(self, pages: int, units: int, *, counted: bool = True) -> Reservation:
        cost = self._cost(units)
        for purse in self._purses:
            purse.aside.add(pages if counted else 0, cost)
        return Reservation(self, self.price, pages, counted, units)

    def _close(self, refusal: Refusal, pages: int, units: int) -> None:
        """Nothing goes ahead of a document that did not fit, of this row or of another under the limit."""
        self._refusal = refusal
        for purse in self._purses:
            if kind := purse.reached(pages, self._cost(units)):
                purse.close(kind)

    def _cost(self, units: int) -> Decimal:
        return self.price.of(units).high

    def _leave_out(self, told: str, refusal: Refusal) -> None:
        self.left_out += 1
        if len(self._too_large) < _NAMED:
            self._too_large.append(told)
        if self.left_out >= MOST_TOO_LARGE:
            self._refusal = Refusal("reached", refusal.limit)

    def _end(self, reservation: Reservation, pages: int) -> None:
        with self._lock:
            if reservation.ended:
                return
            reservation.ended = True
            set_aside, paid = reservation.amount(reservation.pages), reservation.amount(pages)
            for purse in self._purses:
                purse.aside.add(-set_aside.pages, -set_aside.cost)
                purse.spent.add(paid.pages, paid.cost)


class Reservation:
    """What was set aside for one document. It ends once; whatever is asked of it later changes nothing."""

    __slots__ = ("_counted", "_price", "_spending", "_units", "ended", "pages")

    def __init__(self, spending: Spending, price: Price, pages: int, counted: bool, units: int) -> None:
        self._spending = spending
        self._price = price
        self._counted = counted
        self._units = units
        self.pages = pages
        self.ended = False

    def settle(self, pages: int | None = None) -> None:
        """It was taken; `pages` where that were others than were set aside."""
        self._spending._end(self, self.pages if pages is None else pages)

    def refund(self) -> None:
        """Nothing was taken."""
        self._spending._end(self, 0)

    def amount(self, pages: int) -> Amount:
        """What so many pages are in the purses; of units that are no pages, all or none."""
        units = pages if self._units == self.pages else bool(pages) * self._units
        return Amount(pages if self._counted else 0, self._price.of(units).high)
