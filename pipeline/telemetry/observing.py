"""A run as OpenTelemetry spans and metrics. Nothing here holds a path, a value or the text of an error.

Units are UCUM's; names follow OpenTelemetry's naming rules (opentelemetry.io/docs/specs/semconv/general)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.metrics import Meter
from opentelemetry.trace import Span, Status, StatusCode, Tracer, set_span_in_context

from pipeline.errors import FormpipeError
from pipeline.orchestrator.progress import Note, Progress
from pipeline.orchestrator.watching import Observer, WatchedStage
from pipeline.types import FormType, RunRow

_OUTCOMES = ("loaded", "partial", "dead", "unrouted", "gone")
_NAMED = re.compile(r"([a-z]+(?:-[a-z]+)+): ")
_STAGE_SECONDS = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14400)
_CALL_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
Facts = dict[str, str | int | float]


class Instruments:
    """Every metric there is."""

    def __init__(self, meter: Meter) -> None:
        counter, gauge = meter.create_counter, meter.create_gauge
        self.runs = counter("formpipe.runs", "{run}", "Runs by how they ended")
        self.rows = counter("formpipe.rows", "{row}", "Form types by how their turn in a run ended")
        self.documents = counter("formpipe.documents", "{document}", "Documents by outcome")
        self.retried = counter("formpipe.documents.retried", "{document}", "Attempts that failed for now")
        self.reused = counter("formpipe.documents.reused", "{document}", "Documents that were renamed only")
        self.pages = counter("formpipe.pages", "{page}", "Pages read")
        self.ocr_pages = counter("formpipe.pages.ocr", "{page}", "Pages read from pixels")
        self.values = counter("formpipe.values", "{value}", "Values stored")
        self.cost = counter("formpipe.cost", "USD", "Cost at the high end of the list prices")
        self.left_over = gauge("formpipe.documents.left_over", "{document}", "Left pending by a limit")
        self.progress = gauge("formpipe.progress", "{document}", "How far the stage that goes on is")
        self.calls = counter("formpipe.service.calls", "{call}", "Attempts of calls to services")
        self.run_seconds = meter.create_histogram(
            "formpipe.run.duration", "s", "Runs", explicit_bucket_boundaries_advisory=_STAGE_SECONDS
        )
        self.stage_seconds = meter.create_histogram(
            "formpipe.stage.duration", "s", "Stages", explicit_bucket_boundaries_advisory=_STAGE_SECONDS
        )
        self.call_seconds = meter.create_histogram(
            "formpipe.service.call.duration",
            "s",
            "Attempts of calls to services",
            explicit_bucket_boundaries_advisory=_CALL_SECONDS,
        )


class RunTelemetry(Observer):
    """One run. Counts are added when a row has ended, from what was written down of it."""

    def __init__(self, tracer: Tracer, meter: Meter, clock: Callable[[], float] = time.monotonic) -> None:
        self._tracer = tracer
        self._told = Instruments(meter)
        self._clock = clock
        self._began = clock()
        self._run = tracer.start_span("run")
        self._rows: dict[str, Span] = {}
        self._stage = self._run

    @contextmanager
    def stage(self, stage: WatchedStage, row: FormType) -> Iterator[None]:
        """Its span ends in error, by the error's reason, where an error ends it."""
        name: Facts = {"formpipe.form_type": row.form_type}
        facts: Facts = {**name, "formpipe.stage": stage, "formpipe.engine": row.engine}
        parent = self._rows.get(row.form_type) or self._begin_row(row)
        span = self._stage = self._child(stage, parent, facts | {"formpipe.group": row.group})
        started = self._clock()
        try:
            yield
        except Exception as error:
            span.set_status(Status(StatusCode.ERROR, _reason_of(error)))
            raise
        finally:
            self._stage = self._run
            span.end()
            self._told.stage_seconds.record(self._clock() - started, facts)

    def row_ended(self, row: RunRow) -> None:
        name: Facts = {"formpipe.form_type": row.form_type}
        self._count(row, name)
        span = self._rows.pop(row.form_type, None) or self._child("form type", self._run, name)
        span.set_attributes(_facts_of(row))
        if row.state == "failed":
            span.set_status(Status(StatusCode.ERROR, _named(row.reason)))
        span.end()

    def called(self, engine: str, operation_class: str, status: int | None, seconds: float) -> None:
        """Counted each; calls that manage models and those that failed have a span as well."""
        facts: Facts = {"formpipe.engine": engine, "formpipe.call.class": operation_class}
        facts |= {"error.type": "no-answer"} if status is None else {"http.response.status_code": status}
        self._told.calls.add(1, facts)
        self._told.call_seconds.record(seconds, facts)
        failed = status is None or status >= 400
        if failed or operation_class == "manage":
            span = self._child("call", self._stage, facts, began=time.time_ns() - int(seconds * 1e9))
            if failed:
                span.set_status(Status(StatusCode.ERROR, str(status or "no-answer")))
            span.end()

    def hear(self, event: Progress | Note) -> None:
        """How far a stage is, while it goes on."""
        if isinstance(event, Progress):
            facts: Facts = {"formpipe.form_type": event.form_type, "formpipe.stage": event.stage}
            self._told.progress.set(event.done, facts)

    def end(self, state: str, run_id: int | None, reason: str = "") -> None:
        """The run has ended; rows that have not are cut off with it."""
        self._told.runs.add(1, {"formpipe.state": state})
        self._told.run_seconds.record(self._clock() - self._began, {"formpipe.state": state})
        for span in self._rows.values():
            span.set_status(Status(StatusCode.ERROR, reason or state))
            span.end()
        self._rows.clear()
        self._run.set_attributes({"formpipe.state": state, **({"formpipe.run_id": run_id} if run_id else {})})
        if state == "failed":
            self._run.set_status(Status(StatusCode.ERROR, reason))
        self._run.end()

    def _begin_row(self, row: FormType) -> Span:
        span = self._child("form type", self._run, {"formpipe.form_type": row.form_type})
        self._rows[row.form_type] = span
        return span

    def _child(
        self, name: str, parent: Span, facts: Mapping[str, str | int | float], began: int | None = None
    ) -> Span:
        return self._tracer.start_span(name, set_span_in_context(parent), attributes=facts, start_time=began)

    def _count(self, row: RunRow, name: Facts) -> None:
        told = self._told
        told.rows.add(1, name | {"formpipe.state": row.state})
        for outcome in _OUTCOMES:
            told.documents.add(getattr(row, outcome), name | {"formpipe.outcome": outcome})
        told.retried.add(row.retried, name)
        told.reused.add(row.reused, name)
        told.pages.add(row.pages, name)
        told.ocr_pages.add(row.ocr_pages, name)
        told.values.add(row.field_values, name)
        told.left_over.set(row.left_over, name)
        if row.cost is not None:
            told.cost.add(float(row.cost), name)


def _facts_of(row: RunRow) -> Facts:
    counts = ("listed", *_OUTCOMES, "retried", "reused", "left_over")
    facts: Facts = {f"formpipe.documents.{name}": getattr(row, name) for name in counts}
    facts |= {"formpipe.pages": row.pages, "formpipe.values": row.field_values, "formpipe.state": row.state}
    if row.cost is not None:
        facts["formpipe.cost"] = float(row.cost)
    if reason := _named(row.reason):
        facts["formpipe.reason"] = reason
    return facts


def _named(reason: str | None) -> str:
    """The name that a reason begins with; its text may hold paths."""
    found = _NAMED.match(reason or "")
    return found.group(1) if found else ""


def _reason_of(error: Exception) -> str:
    return error.reason if isinstance(error, FormpipeError) else type(error).__name__
