"""A backlog scored by hands in threads of this process: the code that runs in Spark, without Spark."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, insert, select, update

from bench.overhead import ROW, Desk, set_up, write_backlog
from pipeline.db import hands
from pipeline.db.connection import reading
from pipeline.db.spans import Span
from pipeline.db.tables import allotment, document, field_value, form_type, lease, run, run_row
from pipeline.errors import AttemptError, RowError, RunError
from pipeline.executors.threads import ThreadExecutor
from pipeline.orchestrator.allowance import RunLimits
from pipeline.orchestrator.hands import Watch, work_on
from pipeline.orchestrator.orders import HANDS_LOST, Crew, HandReport, Order
from pipeline.orchestrator.progress import Progress
from pipeline.orchestrator.run import execute
from pipeline.orchestrator.run_context import RunContext, RunOptions, RunSummary
from pipeline.reports.summary import build_report
from pipeline.storage.folder import FolderStorage
from pipeline.wiring import App, run_context

COUNT = 60


@dataclass
class Threads:
    """Hands in threads. `first` is called before each span is worked on, and may raise."""

    app: App
    root: Path
    first: Callable[[Span], None] = lambda span: None
    perform: Callable[[Any], Any] | None = None
    sent: list[Span] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    cancelled: int = 0

    @property
    def crew(self) -> Crew:
        return Crew(lambda: 2, self.send, self.cancel)

    def cancel(self) -> None:
        self.cancelled += 1

    def send(self, order: Order, spans: Sequence[Span]) -> list[HandReport]:
        self.sent += spans
        self.orders.append(order)
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(lambda span: self._hand(order, span), spans))

    def _hand(self, order: Order, span: Span) -> HandReport:
        self.first(span)
        watch = Watch(self.app.database, order)
        perform = self.perform or Desk(FolderStorage(self.root)).perform
        executor = ThreadExecutor(perform, 1)
        with run_context(self.app, watch.over, lambda event: None, RunLimits()) as context:
            (context.scratch / order.version.service_model_id).write_bytes(b"")
            return work_on(replace(context, readers=executor), order, span)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_backlog(tmp_path / "lake", COUNT)
    return tmp_path / "lake"


@pytest.fixture
def app(tmp_path: Path, root: Path) -> Iterator[App]:
    made = set_up(f"sqlite:///{tmp_path / 'formpipe.db'}", root)
    yield made
    made.database.dispose()


@contextmanager
def at_work(
    app: App, crew: Crew | None, limits: RunLimits | None = None, listener: Any = lambda event: None,
    stopping: Callable[[], bool] = lambda: False,
) -> Iterator[RunContext]:  # fmt: skip
    with run_context(app, stopping, listener, limits or RunLimits()) as context:
        yield replace(context, crew=crew)


def carried_out(app: App, crew: Crew, limits: RunLimits | None = None, **more: Any) -> RunSummary:
    with at_work(app, crew, limits, **more) as context:
        return execute(context, RunOptions())


def counted(database: Engine, *where: Any) -> int:
    with reading(database) as connection:
        return connection.scalar(select(func.count()).select_from(document).where(*where)) or 0


def values(database: Engine) -> list[Any]:
    with reading(database) as connection:
        found = select(field_value.c.part_id, field_value.c.field, field_value.c.text)
        return list(connection.execute(found))


def left_behind(database: Engine) -> dict[str, int]:
    """What nobody may hold when nobody is at work."""
    with reading(database) as connection:
        return {
            "claims": counted(database, document.c.claimed_by.is_not(None)),
            "runs": len(connection.execute(select(run.c.id).where(run.c.state == "running")).all()),
            "leases": len(connection.execute(select(lease.c.name).where(lease.c.name.like("run:%"))).all()),
        }


NOTHING = {"claims": 0, "runs": 0, "leases": 0}


def test_every_document_is_scored_once_and_written_for_the_run(app: App, root: Path) -> None:
    threads = Threads(app, root)
    told: list[Progress] = []
    summary = carried_out(app, threads.crew, listener=told.append)
    assert [(row.state, row.loaded, row.field_values) for row in summary.rows] == [
        ("finished", COUNT, 20 * COUNT)
    ]
    assert len(threads.sent) > 2
    assert {order.row.parallelism for order in threads.orders} == {7}  # of 15, for two at once
    assert len(values(app.database)) == 20 * COUNT
    assert counted(app.database, document.c.run_id == summary.run_id) == COUNT
    assert left_behind(app.database) == NOTHING
    assert [event.done for event in told if isinstance(event, Progress)][-1] == COUNT


def test_hands_are_no_runs_in_a_report(app: App, root: Path) -> None:
    summary = carried_out(app, Threads(app, root).crew)
    with reading(app.database) as connection:
        hands_of = connection.scalars(select(run.c.state).where(run.c.parent_id == summary.run_id)).all()
        report = build_report(connection)
    assert set(hands_of) == {"finished"}
    assert report.run is not None
    assert report.run.id == summary.run_id
    found = report.form_types[0]
    assert found.run_row is not None
    assert (found.run_row.loaded, found.left) == (COUNT, 0)


def test_what_lost_hands_held_is_worked_on_again(app: App, root: Path) -> None:
    """The crew gives up in the middle; a hand of it lives on, and finds out before it writes."""
    broken: list[int] = []

    def breaks_off(span: Span) -> None:
        if not broken:
            broken.append(abandoned_hand(app))
            raise AttemptError("Spark gave up", reason=HANDS_LOST)

    summary = carried_out(app, Threads(app, root, first=breaks_off).crew)
    assert summary.rows[0].loaded == COUNT
    assert left_behind(app.database) == NOTHING
    with reading(app.database) as connection:
        assert connection.scalar(select(run.c.state).where(run.c.id == broken[0])) == "lost"


def abandoned_hand(app: App) -> int:
    """One that claimed documents, and whose machine nobody can reach."""
    with app.database.begin() as connection:
        parent = connection.scalar(select(func.max(run.c.id)).where(run.c.parent_id.is_(None)))
        now = app.clock.now()
        holder = "elsewhere:1:1:abc"
        key = connection.execute(
            insert(run).values(started_at=now, state="running", holder=holder, parent_id=parent)
        ).inserted_primary_key
        assert key is not None
        terms = {"heartbeat_at": now, "expires_at": now.replace(year=now.year + 1), "fencing": 1}
        connection.execute(insert(lease).values(name=f"run:{key[0]}", holder=holder, **terms))
        some = select(document.c.id).order_by(document.c.id).limit(7)
        connection.execute(
            update(document).where(document.c.id.in_(some)).values(claimed_by=key[0], stage="claimed")
        )
        return int(key[0])


def test_hands_that_are_lost_again_and_again_end_the_run(app: App, root: Path) -> None:
    def breaks_off(span: Span) -> None:
        raise AttemptError("Spark gave up", reason=HANDS_LOST)

    with pytest.raises(RunError) as raised:
        carried_out(app, Threads(app, root, first=breaks_off).crew)
    assert raised.value.reason == HANDS_LOST
    assert left_behind(app.database) == NOTHING


def test_what_ends_the_row_in_one_hand_ends_it_in_all(app: App, root: Path) -> None:
    tried: list[int] = []

    def perform(task: Any) -> Any:
        tried.append(1)
        raise RowError("there is no secret Key", reason="secret-missing")

    summary = carried_out(app, Threads(app, root, perform=perform).crew)
    assert summary.rows[0].state == "failed"
    assert summary.rows[0].reason == "secret-missing: there is no secret Key"
    assert len(tried) < COUNT
    assert left_behind(app.database) == NOTHING
    assert counted(app.database, document.c.stage == "pending") == COUNT


def test_who_stops_the_run_stops_its_hands(app: App, root: Path) -> None:
    """By the database: they may be anywhere."""
    stopped = threading.Event()
    desk = Desk(FolderStorage(root))

    def perform(task: Any) -> Any:
        stopped.set()
        threading.Event().wait(0.4)
        return desk.perform(task)

    threads = Threads(app, root, perform=perform)
    summary = carried_out(app, threads.crew, stopping=stopped.is_set)
    assert summary.state == "stopped"
    assert summary.rows[0].state == "stopped"
    done = counted(app.database, document.c.outcome == "loaded")
    assert 0 < done < COUNT
    assert summary.rows[0].loaded == done
    assert counted(app.database, document.c.stage == "pending") == COUNT - done
    assert left_behind(app.database) == NOTHING


@pytest.mark.parametrize(("of_row", "of_run"), [(23, None), (None, 23), (40, 23)])
def test_hands_keep_a_limit_together(app: App, root: Path, of_row: int | None, of_run: int | None) -> None:
    with app.database.begin() as connection:
        connection.execute(update(form_type).values(max_pages_per_run=of_row))
    summary = carried_out(app, Threads(app, root).crew, RunLimits(pages=of_run))
    row = summary.rows[0]
    assert (row.loaded, row.pages, row.left_over) == (23, 23, COUNT - 23)
    assert row.reason is not None
    assert "23" in row.reason
    assert left_behind(app.database) == NOTHING
    with reading(app.database) as connection:
        given = {each.form_type: each.pages for each in connection.execute(select(allotment))}
    assert given == {ROW: 23, "": 23}


def test_a_hand_counts_what_it_committed_in_the_same_transaction(app: App, root: Path) -> None:
    summary = carried_out(app, Threads(app, root).crew)
    with reading(app.database) as connection:
        done = hands.done(connection, summary.run_id, ROW)
        rows = connection.execute(
            select(run_row.c.run_id, run_row.c.state).where(run_row.c.run_id != summary.run_id)
        )
        assert {row.state for row in rows} == {"finished"}
    assert done.finished == COUNT
    assert done.counts["field_values"] == 20 * COUNT
