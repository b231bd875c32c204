"""What limits left of a backlog, how much that is, and what it would cost."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.db import estimates
from pipeline.db.transactions import consult
from pipeline.orchestrator.allowance import rest
from pipeline.orchestrator.survey import Sources
from pipeline.scoring.spending import Spending
from pipeline.types import FormType


@dataclass(frozen=True, slots=True)
class LeftOver:
    """Documents that a limit left pending, and sentences about them."""

    documents: int = 0
    told: tuple[str, ...] = ()


def left_over(sources: Sources, row: FormType, spending: Spending) -> LeftOver:
    """What the limits of a row and its run left of its backlog, where they did."""
    refusal = spending.closed
    if refusal is None:
        return LeftOver(spending.left_out, _over_by_themselves(spending))
    name, now = row.form_type, sources.now()
    documents = consult(sources.database, lambda connection: estimates.count_unpaid(connection, name, now))
    if not documents:
        return LeftOver()
    mean = spending.mean_pages
    if mean is None or spending.price.free:  # where nothing is paid, pages were guessed and not counted
        mean = consult(sources.database, lambda connection: estimates.means(connection, name)).pages
    pages = round(documents * (mean or 1.0))
    told = f"{refusal}: {rest(documents, pages, spending.price.of(pages))} left"
    return LeftOver(documents, (told, *_over_by_themselves(spending)))


def _over_by_themselves(spending: Spending) -> tuple[str, ...]:
    """Documents that no run with these limits can score."""
    if not spending.too_large:
        return ()
    more = spending.left_out - len(spending.too_large)
    others = f", and {more:,} others" if more else ""
    return (f"{'; '.join(spending.too_large)}{others}: raise the limit, or take the file away",)
