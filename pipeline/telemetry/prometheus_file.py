"""Where every form type stands, as a file for the textfile collector of Prometheus' node exporter: counted in
the database, so that it says the same whichever run, machine or Spark job did the work.

Format: prometheus.io/docs/instrumenting/exposition_formats, written by prometheus_client."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, write_to_textfile
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection, Engine, Row

from pipeline.db.connection import reading
from pipeline.db.tables import OUTCOMES
from pipeline.reports import history, queries

_ENDS = ("finished", "skipped", "stopped", "failed")
_STATES = ("pending", *OUTCOMES)


def write(database: Engine, path: Path) -> None:
    """Write the file as a whole: a reader sees the old one or the new. Raises OSError."""
    with reading(database) as connection:
        metrics = tuple(_metrics(connection))
    registry = CollectorRegistry()
    registry.register(_Counted(metrics))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_to_textfile(str(path), registry)


class _Counted(Collector):
    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Sequence[Metric]:
        return self._metrics


def _metrics(connection: Connection) -> Iterator[Metric]:
    yield _backlog(connection)
    yield from _totals(history.row_totals(connection))
    yield from _last(history.last_rows(connection))
    run = queries.find_run(connection, None)
    if run is not None:
        yield from _last_run(run)


def _backlog(connection: Connection) -> Metric:
    """Every state of every form type, so that none has to be guessed to be none."""
    counts = {(row.form_type, row.state): row.documents for row in queries.documents_by_state(connection)}
    family = GaugeMetricFamily(
        "formpipe_backlog_documents", "Documents as they stand now", labels=("form_type", "state")
    )
    for name in queries.form_types(connection):
        for state in _STATES:
            family.add_metric((name, state), counts.get((name, state), 0))
    return family


def _totals(rows: Sequence[Row[Any]]) -> Iterator[Metric]:
    """Over all runs there were."""
    documents = CounterMetricFamily(
        "formpipe_documents", "Documents that runs ended, by outcome", labels=("form_type", "outcome")
    )
    for row in rows:
        for outcome in OUTCOMES:
            documents.add_metric((row.form_type, outcome), getattr(row, outcome))
    yield documents
    for name, told in (
        ("pages", "Pages read"),
        ("ocr_pages", "Pages read from pixels"),
        ("field_values", "Values stored"),
        ("retried", "Attempts that failed and were put off"),
        ("cost", "US dollars at the high end of the list prices"),
        ("seconds", "Seconds of work on a form type"),
    ):
        yield _counter(f"formpipe_{_NAMES.get(name, name)}", told, name, rows)


_NAMES = {
    "field_values": "values",
    "cost": "cost_usd",
    "seconds": "row_seconds",
    "retried": "retried_documents",
}


def _counter(metric: str, told: str, column: str, rows: Sequence[Row[Any]]) -> Metric:
    family = CounterMetricFamily(metric, told, labels=("form_type",))
    for row in rows:
        family.add_metric((row.form_type,), float(getattr(row, column) or 0))
    return family


def _last(rows: Sequence[Row[Any]]) -> Iterator[Metric]:
    """The last run that had each form type."""
    names = ("form_type",)
    ended = GaugeMetricFamily("formpipe_last_run_timestamp_seconds", "When it ended", labels=names)
    seconds = GaugeMetricFamily("formpipe_last_run_duration_seconds", "Of the form type", labels=names)
    left = GaugeMetricFamily("formpipe_last_run_left_over_documents", "Left by a limit", labels=names)
    cost = GaugeMetricFamily("formpipe_last_run_cost_usd", "US dollars", labels=names)
    state = GaugeMetricFamily(
        "formpipe_last_run_state", "1 for how the form type's turn ended", labels=(*names, "state")
    )
    for row in rows:
        label = (row.form_type,)
        if row.finished_at is not None:
            ended.add_metric(label, row.finished_at.timestamp())
        seconds.add_metric(label, row.seconds)
        left.add_metric(label, row.left_over)
        cost.add_metric(label, float(row.cost or 0))
        for end in _ENDS:
            state.add_metric((row.form_type, end), row.state == end)
    yield from (ended, seconds, left, cost, state)


def _last_run(run: Row[Any]) -> Iterator[Metric]:
    yield GaugeMetricFamily("formpipe_run_id", "The last run", run.id)
    yield GaugeMetricFamily("formpipe_run_start_timestamp_seconds", "It began", run.started_at.timestamp())
    if run.finished_at is not None:
        ended = run.finished_at.timestamp()
        yield GaugeMetricFamily("formpipe_run_end_timestamp_seconds", "It ended", ended)
    state = GaugeMetricFamily("formpipe_run_state", "1 for the state of the last run", labels=("state",))
    for each in ("running", "finished", "stopped", "failed", "lost"):
        state.add_metric((each,), run.state == each)
    yield state
