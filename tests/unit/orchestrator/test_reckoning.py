"""Pages, calls, time and money of a plan, from figures alone."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pipeline.orchestrator.allowance import RunLimits, rest
from pipeline.orchestrator.plan import RowState, make_plan
from pipeline.orchestrator.reckoning import Calls, Takes, Terms, Work, reckon, total
from pipeline.prices import NOTHING, Cost, Price, Prices
from pipeline.scoring.backlog import BacklogChanges
from pipeline.training.decision import TrainingDecision
from pipeline.types import FormType

PRICES = Prices(
    {
        "document-intelligence": {
            "extraction": Price("pages", 1000, Decimal(21), Decimal(30)),
            "layout": Price("pages", 1000, Decimal(8), Decimal(10)),
            "training": Price("trainings", 1, Decimal(0), Decimal(0)),
        },
        "language": {"text-records": Price("text records", 1000)},
    }
)
RATES = {"document-intelligence": {"analyze": 15.0, "get": 50.0}}
TERMS = Terms(RunLimits(), PRICES, RATES, workers=4)
KEEP = TrainingDecision("keep", "unchanged", 1)
TRAIN = TrainingDecision("train", "first model")


def row(name: str = "bills", engine: str = "document-intelligence", **columns: object) -> FormType:
    version = None if engine == "local" else "2024-11-30"
    return FormType(name, name, "c", "t/", "c", "b/", engine=engine, api_version=version, **columns)  # type: ignore[arg-type]


def takes(work: Work, **limits: object) -> Takes:
    return reckon(work, TERMS, RunLimits(**limits))  # type: ignore[arg-type]


def test_a_backlog_is_submitted_once_and_polled_twice_and_priced_by_the_page() -> None:
    found = takes(Work(row(), documents=1000, pages_per_document=3.4))
    assert (found.documents, found.pages) == (1000, 3400)
    assert found.calls == Calls(analyses=1000, polls=2000)
    assert found.calls.total == 3000
    assert str(found.cost) == "USD 71.40 to 102.00"
    assert found.held_by is None


def test_pages_that_nobody_counted_are_one_a_document() -> None:
    assert takes(Work(row(), documents=7)).pages == 7


def test_what_a_service_has_already_is_asked_for_and_not_paid() -> None:
    found = takes(Work(row(), documents=2, submitted=3, pages_per_document=1.0))
    assert found.calls == Calls(analyses=2, polls=10)
    assert found.cost == PRICES.of("document-intelligence", None, "extraction").of(2)


def test_layouts_and_trainings_are_calls_and_layouts_cost() -> None:
    found = takes(Work(row(), trains=True, layouts=6, layout_pages=9))
    assert found.calls == Calls(layouts=6, trainings=1, polls=14)
    assert found.cost == Cost(Decimal("0.072"), Decimal("0.09"))
    assert found.at_least, "nobody knows how long a training takes"


def test_time_goes_by_the_rate_where_that_is_slower_than_the_latency() -> None:
    fast = takes(Work(row(parallelism=200), documents=1500, seconds_per_document=3.0))
    assert fast.seconds == pytest.approx(1500 / 15, rel=0.03)
    assert not fast.at_least
    slow = takes(Work(row(parallelism=5), documents=1500, seconds_per_document=3.0))
    assert slow.seconds == pytest.approx(1500 * 3 / 5)


def test_an_unknown_latency_makes_the_time_a_lower_bound() -> None:
    found = takes(Work(row(), documents=1500))
    assert found.seconds is not None
    assert found.at_least


def test_a_raised_rate_is_reckoned_with() -> None:
    raised = Terms(RunLimits(), PRICES, {"document-intelligence": {"analyze": 150.0, "get": 5000.0}})
    work = Work(row(parallelism=1000), documents=1500, seconds_per_document=1.0)
    assert reckon(work, raised, RunLimits()).seconds == pytest.approx(10, rel=0.03)


def test_here_workers_bound_the_time_and_nothing_is_paid_or_called() -> None:
    found = takes(Work(row(engine="local", parallelism=15), documents=80, seconds_per_document=0.5))
    assert found.seconds == pytest.approx(80 * 0.5 / 4)
    assert (found.calls.total, found.cost) == (0, NOTHING)
    assert takes(Work(row(engine="local"), documents=80)).seconds is None


def test_the_rows_limit_on_pages_ends_the_run_and_says_what_is_left() -> None:
    found = takes(Work(row(max_pages_per_run=500), documents=1375, pages_per_document=4.0))
    assert (found.documents, found.pages, found.held_by) == (125, 500, "max_pages_per_run 500")
    assert (found.left_documents, found.left_pages) == (1250, 5000)
    told = rest(found.left_documents, found.left_pages, found.left_cost)
    assert told == "1,250 documents (about 5,000 pages, USD 105.00 to 150.00)"


def test_the_rows_limit_on_cost_is_pages_at_the_high_end_less_what_layouts_cost() -> None:
    work = Work(row(max_cost_per_run=Decimal("1.00")), documents=100, layouts=10, layout_pages=10)
    found = takes(work)
    assert found.pages == 30, "0.10 for layouts, 0.03 a page for the rest"
    assert found.cost.high == Decimal("1.00")
    assert found.held_by == "max_cost_per_run USD 1.00"


def test_of_several_limits_the_tightest_is_told() -> None:
    work = Work(row(max_pages_per_run=50), documents=100)
    assert takes(work, pages=20).held_by == "the run's max_pages 20"
    assert takes(work, cost=Decimal("0.30")).held_by == "the run's max_cost USD 0.30"
    assert takes(work, pages=70).held_by == "max_pages_per_run 50"


def test_an_unknown_price_is_said_and_held_back_by_a_limit_on_cost() -> None:
    work = Work(row(engine="language", model_kind="entities"), documents=10)
    assert str(takes(work).cost) == "price unknown"
    held = takes(work, cost=Decimal(5))
    assert (held.documents, held.pages) == (0, 0)
    assert held.held_by == "the run's max_cost USD 5, for the price is unknown"


def state(name: str, documents: int, decision: TrainingDecision = KEEP, **columns: object) -> RowState:
    changes = BacklogChanges(listed=documents, new=documents)
    return RowState(row(name, **columns), decision, changes)  # type: ignore[arg-type]


def test_rows_share_the_runs_limits_in_the_order_in_which_they_are_taken() -> None:
    terms = Terms(RunLimits(pages=15), PRICES, RATES)
    plans = make_plan([state("b", 10), state("a", 10), state("c", 10)], terms=terms)
    assert [(each.form_type, each.pages) for each in plans] == [("a", 10), ("b", 5), ("c", 0)]
    assert [each.takes.left_documents for each in plans] == [0, 5, 10]
    assert total(each.takes for each in plans).pages == 15


def test_trainings_beyond_the_runs_limit_are_left_for_later_and_say_so() -> None:
    terms = Terms(RunLimits(train_runs=1), PRICES, RATES)
    first, second = make_plan([state("a", 1, TRAIN), state("b", 1, TRAIN)], terms=terms)
    assert (first.training, first.takes.calls.trainings) == ("train", 1)
    assert (second.training, second.takes.calls.trainings) == ("cannot", 0)
    assert "max_train_runs 1" in second.training_reason
    assert second.obstacle, "without a model there is nothing to score with"


def test_a_group_trains_once_however_many_rows_it_has() -> None:
    shared = [
        RowState(FormType(name, "g", "c", "t/", "c", "b/", engine="document-intelligence"), TRAIN, layouts=4)
        for name in ("a", "b")
    ]
    plans = make_plan(shared, terms=Terms(RunLimits(train_runs=1), PRICES, RATES))
    assert [each.takes.calls.trainings for each in plans] == [1, 0]
    assert sum(each.takes.calls.layouts for each in plans) == 4
    assert [each.training for each in plans] == ["train", "train"]


def test_the_total_does_not_hide_what_is_not_known() -> None:
    known = takes(Work(row(), documents=10, seconds_per_document=1.0))
    unknown = takes(Work(row(engine="local"), documents=1))
    together = total([known, unknown])
    assert together.seconds == known.seconds
    assert together.at_least
    assert together.calls == known.calls
    assert total([]).seconds == 0
