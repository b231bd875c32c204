"""Carry out a run in front of a person or a log: progress, Ctrl-C, and what is said at the end."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType, TracebackType

from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from pipeline.cli.console import err
from pipeline.crews import open_crew
from pipeline.logs import log_event, start_logging
from pipeline.orchestrator import progress as told
from pipeline.orchestrator.allowance import RunLimits
from pipeline.orchestrator.run import execute
from pipeline.orchestrator.run_context import RunContext, RunOptions, RunSummary
from pipeline.telemetry.switch import watched, write_metrics_file
from pipeline.wiring import App, run_context

_LOG_SECONDS = 10.0
_STAGES = {"read": "reading", "train": "training", "list": "listing", "score": "scoring"}


def carry_out(app: App, options: RunOptions, limits: RunLimits | None = None) -> RunSummary:
    """One run with progress on standard error: bars on a terminal, JSON lines elsewhere. `limits`: those of
    the settings for None."""
    start_logging(app.settings.log_level)
    stop = Stop(app.settings.grace_seconds)
    with (
        stop.on_signals(),
        _listener() as listener,
        _metrics_file(app, listener),
        watched(listener) as watch,
        open_crew(app) as crew,
        run_context(app, stop.asked, watch.hear, limits, watch.observer) as context,
        stop.giving_up(context),
    ):
        summary = execute(replace(context, crew=crew), options)
        watch.ended(summary)
        return summary


@contextmanager
def _metrics_file(app: App, listener: told.Listener) -> Iterator[None]:
    """However the run ends, the file for Prometheus says so, where one is wanted."""
    try:
        yield
    finally:
        if app.settings.prometheus_file is not None:
            write_metrics_file(app.database, app.settings.prometheus_file, listener)


class Stop:
    """Ctrl-C, SIGTERM or the end of the run's time: begin nothing new, finish what is in flight; after the
    grace period, or at the second signal, give up what is not finished. Nothing that was committed is lost
    either way."""

    def __init__(self, grace_seconds: float) -> None:
        self._asked = threading.Event()
        self._grace = grace_seconds
        self._context: RunContext | None = None
        self._timers: list[threading.Timer] = []

    def asked(self) -> bool:
        return self._asked.is_set()

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Answer SIGINT and SIGTERM like this while the block runs: from before there is anything to stop,
        since in a container nothing else would answer the first of them."""
        with _handlers(self._handle):
            yield

    @contextmanager
    def giving_up(self, context: RunContext) -> Iterator[None]:
        """What there is to give up, and the time after which that is done by itself."""
        self._context = context
        if context.allowance.minutes is not None:
            self._after(context.allowance.minutes * 60, self._time_is_over)
        try:
            yield
        finally:
            for timer in self._timers:
                timer.cancel()

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self._asked.is_set():
            threading.Thread(target=self._give_up, daemon=True).start()
            return
        self._asked.set()
        self._finish("stopping", " (press again to give it up)")

    def _time_is_over(self) -> None:
        if not self._asked.is_set():
            self._finish("the run's time is over")

    def _finish(self, why: str, how: str = "") -> None:
        err.print(
            f"\n{why}: finishing what is in flight, {self._grace:.0f} s at most{how}; "
            "the next run goes on from here"
        )
        self._after(self._grace, self._give_up)

    def _after(self, seconds: float, act: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, act)
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    def _give_up(self) -> None:
        context = self._context
        if context is not None:
            context.services.close()
            context.readers.close()
            context.trainer.close()


@contextmanager
def _handlers(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # a notebook's: it has no say in them
        yield
        return
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)


def _listener() -> Bars | Lines:
    return Bars() if err.is_terminal else Lines()


class Lines:
    """One JSON line per event, for a log; of progress, one in ten seconds and the last."""

    def __init__(self) -> None:
        self._told_at: dict[tuple[str, str], float] = {}

    def __enter__(self) -> told.Listener:
        return self._hear

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""

    def _hear(self, event: told.Progress | told.Note) -> None:
        if isinstance(event, told.Note):
            log_event(event.name, form_type=event.form_type, message=event.message)
        elif event.done == event.total or self._due(event):
            log_event(
                f"{event.stage}-progress", form_type=event.form_type, done=event.done, total=event.total
            )

    def _due(self, event: told.Progress) -> bool:
        key, now = (event.form_type, event.stage), time.monotonic()
        due = now - self._told_at.get(key, -math.inf) >= _LOG_SECONDS
        if due:
            self._told_at[key] = now
        return due


class _Rate(ProgressColumn):
    """Documents per second, once there is something to divide."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f}/s" if speed else "", style="progress.data.speed")


class Bars:
    """One bar per form type and stage, with counts, rate and time left."""

    def __init__(self) -> None:
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            _Rate(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("[dim]{task.fields[note]}"),
            console=err,
        )
        self._tasks: dict[tuple[str, str], TaskID] = {}

    def __enter__(self) -> told.Listener:
        self._bars.start()
        return self._hear

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def _hear(self, event: told.Progress | told.Note) -> None:
        if isinstance(event, told.Note):
            if event.name not in ("row-finished",):
                self._bars.console.print(
                    f"  {escape(event.form_type)}: {escape(event.message)}", style="yellow"
                )
            return
        key = (event.form_type, event.stage)
        if key not in self._tasks:
            title = f"{_STAGES[event.stage]} [bold]{escape(event.form_type)}[/bold]"
            self._tasks[key] = self._bars.add_task(title, total=event.total, note="")
        self._bars.update(self._tasks[key], completed=event.done, total=event.total, note=escape(event.note))
