"""What the work on a row takes: pages, calls, time and money, as far as limits let it go. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from pipeline.orchestrator.allowance import RunLimits
from pipeline.prices import LOCAL, NOTHING, Cost, Price, Prices, load_prices
from pipeline.rates import used
from pipeline.scoring.spending import Limits
from pipeline.types import FormType

POLLS = 2
"""For each operation: once its latencies are known a service is asked no more often than that, on average."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is reckoned with. `rates`: calls a second that a service allows, by engine and class of operation,
    as configured. `workers`: reader processes of this machine."""

    limits: RunLimits = field(default_factory=RunLimits)
    prices: Prices = field(default_factory=load_prices)
    rates: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    workers: int = 1


@dataclass(frozen=True, slots=True)
class Work:
    """What there is to do for a row. `submitted`: documents, beside `documents`, whose results are only asked
    for. `layouts` are training forms to be read first, with `layout_pages` in all. Means are those of earlier
    documents, None before there are any; `seconds` is from when a document was begun to its result."""

    row: FormType
    documents: int = 0
    submitted: int = 0
    trains: bool = False
    layouts: int = 0
    layout_pages: int = 0
    pages_per_document: float | None = None
    seconds_per_document: float | None = None

    @property
    def mean_pages(self) -> float:
        return self.pages_per_document or 1.0


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls to a service, by what for; `polls` are an expectation."""

    analyses: int = 0
    layouts: int = 0
    trainings: int = 0
    polls: int = 0

    @property
    def total(self) -> int:
        return self.analyses + self.layouts + self.trainings + self.polls

    def __add__(self, other: Calls) -> Calls:
        return Calls(
            self.analyses + other.analyses,
            self.layouts + other.layouts,
            self.trainings + other.trainings,
            self.polls + other.polls,
        )


@dataclass(frozen=True, slots=True)
class Takes:
    """What a run takes for a row. `pages` are an estimate wherever there are documents; those of layouts are
    not in them. `seconds` is None where nothing is known of it, and `at_least` where something is not in it:
    an unknown latency, a training. `held_by`: the limit that ends it, with what it leaves."""

    documents: int = 0
    pages: int = 0
    layout_pages: int = 0
    calls: Calls = field(default_factory=Calls)
    seconds: float | None = 0.0
    at_least: bool = False
    cost: Cost = NOTHING
    held_by: str | None = None
    left_documents: int = 0
    left_pages: int = 0
    left_cost: Cost = NOTHING


def reckon(work: Work, terms: Terms, left: RunLimits) -> Takes:
    """What this work takes, within the row's limits and what other rows left of the run's."""
    row, prices = work.row, terms.prices
    price = prices.of_scoring(row.engine, row.api_version, row.model_kind)
    layouts = prices.of(row.engine, row.api_version, "layout").of(work.layout_pages)
    paid = layouts + (prices.of(row.engine, row.api_version, "training").of(1) if work.trains else NOTHING)
    pages = round(work.documents * work.mean_pages)
    allowed, held_by = _allowed_pages(row, price, paid.high, left)
    if allowed is None or pages <= allowed:
        documents, held_by = work.documents, None
    else:
        documents, pages = int(allowed / work.mean_pages), allowed
    calls = _calls(work, documents)
    seconds, at_least = _seconds(work, documents, calls, terms)
    takes = Takes(documents, pages, work.layout_pages, calls, seconds, at_least, paid + price.of(pages))
    if held_by is None:
        return takes
    rest = work.documents - documents
    rest_pages = round(rest * work.mean_pages)
    return replace(
        takes,
        held_by=held_by,
        left_documents=rest,
        left_pages=rest_pages,
        left_cost=price.of(rest_pages),
    )


def remaining(left: RunLimits, takes: Takes) -> RunLimits:
    """What a row leaves of a run's limits to the rows after it."""
    pages = None if left.pages is None else left.pages - takes.pages
    cost = None if left.cost is None else max(left.cost - takes.cost.high, Decimal(0))
    return replace(left, pages=pages, cost=cost)


def total(rows: Iterable[Takes]) -> Takes:
    """All rows together, one after the other."""
    found = list(rows)
    known = [each.seconds for each in found if each.seconds is not None]
    return Takes(
        documents=sum(each.documents for each in found),
        pages=sum(each.pages for each in found),
        layout_pages=sum(each.layout_pages for each in found),
        calls=sum((each.calls for each in found), Calls()),
        seconds=sum(known) if known or not found else None,
        at_least=len(known) < len(found) or any(each.at_least for each in found),
        cost=sum((each.cost for each in found), NOTHING),
        left_documents=sum(each.left_documents for each in found),
        left_pages=sum(each.left_pages for each in found),
        left_cost=sum((each.left_cost for each in found), NOTHING),
    )


def _allowed_pages(
    row: FormType, price: Price, paid: Decimal, left: RunLimits
) -> tuple[int | None, str | None]:
    """The pages that may be taken, and the limit that says so; None where nothing does."""
    own = Limits(row.max_pages_per_run, row.max_cost_per_run)
    of_run = Limits(left.pages, left.cost, of_run=True)
    found: list[tuple[int, str]] = []
    for limits in (own, of_run):
        if limits.pages is not None:
            found.append((max(limits.pages, 0), limits.told("pages")))
        if limits.cost is not None and not price.known:
            found.append((0, f"{limits.told('cost')}, for the price is unknown"))
        elif limits.cost is not None:
            pages = price.units_for(max(limits.cost - paid, Decimal(0)))
            if pages is not None:
                found.append((pages, limits.told("cost")))
    return min(found, key=lambda each: each[0], default=(None, None))


def _calls(work: Work, documents: int) -> Calls:
    if work.row.engine == LOCAL:
        return Calls()
    trainings = int(work.trains)
    polled = documents + work.submitted + work.layouts + trainings
    return Calls(documents, work.layouts, trainings, POLLS * polled)


def _seconds(work: Work, documents: int, calls: Calls, terms: Terms) -> tuple[float | None, bool]:
    """By the rates, by latency and parallelism where that is known, whichever is longer."""
    row, latency = work.row, work.seconds_per_document
    done = documents + work.submitted
    if row.engine == LOCAL:
        together = max(min(row.parallelism, terms.workers), 1)
        if not done:
            return (None if work.trains else 0.0), work.trains
        return (None, True) if latency is None else (done * latency / together, work.trains)
    rates = used(terms.rates.get(row.engine, {}))
    by_rate = [(calls.analyses + calls.layouts) / rates["analyze"]] if "analyze" in rates else []
    by_rate += [calls.polls / rates["get"]] if "get" in rates else []
    by_latency = [done * latency / row.parallelism] if latency is not None else []
    at_least = work.trains or bool(work.layouts) or (latency is None and done > 0)
    return max([*by_rate, *by_latency], default=None), at_least
