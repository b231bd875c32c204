"""A limit that several processes keep together: each spends of what it was given, and asks for more."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from pipeline.scoring.spending import Amount, Kind, Limits, Purse

PORTION = 100
"""Documents like the one that asks: so many a process is given at a time, while there is plenty."""
Take = Callable[[Amount, Amount], Amount]
"""Asks for the first amount at least, for the second where there is as much; gives nothing where the limit
does not leave the first."""


class SharedPurse(Purse):
    """What one process has of a limit. What it was given counts as spent with the others until `rest` is
    given back. For holders of its lock, as every purse."""

    def __init__(self, limits: Limits, take: Take) -> None:
        super().__init__(limits)
        self._take = take
        self._given = Amount()

    @property
    def rest(self) -> Amount:
        """What was given and is not spent; below zero where documents had more pages than was thought."""
        return Amount(self._given.pages - self.spent.pages, self._given.cost - self.spent.cost)

    def _over(self, kind: Kind, pages: int, cost: Decimal) -> bool:
        limited = (self.limits.pages if kind == "pages" else self.limits.cost) is not None
        if not limited:
            return False
        missing = self._missing(pages, cost)
        if missing.pages > 0 or missing.cost > 0:
            got = self._take(missing, Amount(missing.pages + PORTION * pages, missing.cost + PORTION * cost))
            self._given.add(got.pages, got.cost)
            missing = self._missing(pages, cost)
        return missing.pages > 0 if kind == "pages" else missing.cost > 0

    def _missing(self, pages: int, cost: Decimal) -> Amount:
        """Of what is limited."""
        limits, used = self.limits, self.spent.pages + self.aside.pages + pages
        paid = self.spent.cost + self.aside.cost + cost
        return Amount(
            max(used - self._given.pages, 0) if limits.pages is not None else 0,
            max(paid - self._given.cost, Decimal(0)) if limits.cost is not None else Decimal(0),
        )
