"""What a run would do, decided from states alone."""

from __future__ import annotations

from pipeline.orchestrator.plan import RowPlan, RowState, make_plan
from pipeline.scoring.backlog import BacklogChanges
from pipeline.training.decision import TrainingDecision
from pipeline.types import FormType

KEEP = TrainingDecision("keep", "training set unchanged since version 1", 1)


def row(name: str = "bills", **columns: object) -> FormType:
    return FormType(name, name, "c", "t/", "c", "b/", **columns)  # type: ignore[arg-type]


def plan(state: RowState, *, rescore: bool = False) -> RowPlan:
    (found,) = make_plan([state], rescore=rescore)
    return found


def test_nothing_changed_is_nothing_to_do_and_says_so() -> None:
    found = plan(RowState(row(), KEEP, BacklogChanges(listed=9, unchanged=9)))
    assert not found.work
    assert found.documents == found.pages == 0
    assert found.reason == "all 9 documents were scored before and have not changed"


def test_an_empty_backlog_is_normal() -> None:
    found = plan(RowState(row(), KEEP))
    assert not found.work
    assert found.reason == "the backlog is empty"


def test_a_training_alone_is_work() -> None:
    assert plan(RowState(row(), TrainingDecision("train", "first model"))).work


def test_documents_are_counted_by_why_they_are_scored() -> None:
    changes = BacklogChanges(listed=10, new=3, changed=2, unchanged=5, gone=1)
    found = plan(RowState(row(), KEEP, changes, due=4, waiting=2))
    assert found.work
    assert found.documents == 9
    assert found.reason == ("3 new, 2 changed, 4 to try again, 2 wait for their next try, 1 no longer there")


def test_what_another_model_scored_counts_only_when_asked_for() -> None:
    state = RowState(row(), KEEP, BacklogChanges(listed=5, unchanged=5), stale=5)
    assert plan(state).documents == 0
    assert plan(state, rescore=True).documents == 5


def test_pages_are_estimated_from_the_mean_and_capped_by_the_row() -> None:
    changes = BacklogChanges(listed=10, new=10)
    assert plan(RowState(row(), KEEP, changes)).pages == 10
    assert plan(RowState(row(), KEEP, changes, pages_per_document=2.5)).pages == 25
    limited = row(max_pages_per_run=7)
    assert plan(RowState(limited, KEEP, changes, pages_per_document=2.5)).pages == 7


def test_a_row_that_cannot_train_and_has_no_model_does_nothing() -> None:
    cannot = TrainingDecision("cannot", "nothing to train on")
    found = plan(RowState(row(), cannot, BacklogChanges(listed=1, new=1)))
    assert not found.work
    assert found.obstacle == "nothing to train on"


def test_a_row_that_cannot_train_goes_on_with_the_model_it_has() -> None:
    cannot = TrainingDecision("cannot", "labels are gone; version 2 stays in use", 2)
    found = plan(RowState(row(), cannot, BacklogChanges(listed=1, new=1)))
    assert found.work
    assert found.obstacle is None


def test_rows_come_in_the_order_of_priority_then_name() -> None:
    rows = [row("c"), row("b", priority=200), row("a"), row("z", priority=1)]
    plans = make_plan([RowState(each, KEEP) for each in rows])
    assert [each.form_type for each in plans] == ["z", "a", "c", "b"]


def test_routers_go_first_whatever_their_priority() -> None:
    listed = BacklogChanges(listed=2, new=2)
    router = row("zoo", model_kind="classes", routes=True, priority=900)
    plans = make_plan([RowState(row("bills"), KEEP, listed), RowState(router, KEEP, listed)])
    assert [(each.form_type, each.routes) for each in plans] == [("zoo", True), ("bills", False)]
    assert [("classified first" in each.reason) for each in plans] == [True, False]
