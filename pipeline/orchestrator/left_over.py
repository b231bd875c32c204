"""What limits, and the end of a run's time, left of a backlog: how much that is, and what it would cost."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from pipeline.db import estimates
from pipeline.db.transactions import consult
from pipeline.orchestrator.allowance import rest
from pipeline.orchestrator.run_context import OVER_TIME
from pipeline.orchestrator.survey import Sources
from pipeline.scoring.spending import Spending
from pipeline.types import FormType, RunRow


@dataclass(frozen=True, slots=True)
class LeftOver:
    """Documents that a limit left pending, and sentences about them."""

    documents: int = 0
    told: tuple[str, ...] = ()


def left_over(sources: Sources, row: FormType, spending: Spending, over_time: str | None = None) -> LeftOver:
    """What the limits of a row and its run left of its backlog, where they did. `over_time`: the limit on
    time that ended the run."""
    refusal = spending.closed
    if refusal is None and over_time is None:
        return LeftOver(spending.left_out, _over_by_themselves(spending))
    documents, submitted = _waiting(sources, row)
    with_service = submitted if over_time else 0
    if not documents + with_service:
        return LeftOver()
    stopped = str(refusal) if refusal else f"{OVER_TIME}: stopped at {over_time}"
    told = [f"{stopped}: {_rest(sources, row, spending, documents)} left"] if documents else []
    if with_service:
        told.append(f"{OVER_TIME}: {with_service:,} documents are with the service, and paid")
    return LeftOver(documents + with_service, (*told, *_over_by_themselves(spending)))


def not_reached(sources: Sources, row: FormType, over_time: str) -> RunRow:
    """A row whose turn did not come before the time of the run was over; its folder was not listed."""
    reason = f"{OVER_TIME}: {over_time} were over before its turn"
    return RunRow(row.form_type, "skipped", reason=reason, left_over=sum(_waiting(sources, row)))


def _waiting(sources: Sources, row: FormType) -> tuple[int, int]:
    """Documents that are due, and those that a service has already."""
    name, now = row.form_type, sources.now()

    def count(connection: Connection) -> tuple[int, int]:
        return (
            estimates.count_unpaid(connection, name, now),
            estimates.count_submitted(connection, name),
        )

    return consult(sources.database, count)


def _rest(sources: Sources, row: FormType, spending: Spending, documents: int) -> str:
    name = row.form_type
    mean = spending.mean_pages
    if mean is None or spending.price.free:  # where nothing is paid, pages were guessed and not counted
        mean = consult(sources.database, lambda connection: estimates.means(connection, name)).pages
    pages = round(documents * (mean or 1.0))
    return rest(documents, pages, spending.price.of(pages))


def _over_by_themselves(spending: Spending) -> tuple[str, ...]:
    """Documents that no run with these limits can score."""
    if not spending.too_large:
        return ()
    more = spending.left_out - len(spending.too_large)
    others = f", and {more:,} others" if more else ""
    return (f"{'; '.join(spending.too_large)}{others}: raise the limit, or take the file away",)
