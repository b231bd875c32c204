"""What a report says, as records: one run, and where every form type stands now."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from difflib import get_close_matches
from typing import Any, TypeVar

from sqlalchemy import Connection, Row

from pipeline.db import forgetting
from pipeline.errors import RunError
from pipeline.reports import queries
from pipeline.reports.throughput import Throughput, throughput
from pipeline.types import RunRow

GOOD_LAYOUT_TENTH = 8
"""Words read with a layout confidence of 0.8 or more count as read well."""

Histogram = tuple[int, ...]
Item = TypeVar("Item")
_NO_THROUGHPUT = Throughput()


@dataclass(frozen=True, slots=True)
class Run:
    """A run; `finished_at` is None while it goes on or when it was lost."""

    id: int
    state: str
    started_at: datetime
    finished_at: datetime | None
    reason: str | None = None

    @property
    def seconds(self) -> float | None:
        return None if self.finished_at is None else (self.finished_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True)
class Documents:
    """Documents by state. Pages and layout confidence (mean, None unknown) are of those that were read;
    `forgotten` ones are in no other count."""

    pending: int = 0
    loaded: int = 0
    partial: int = 0
    dead: int = 0
    gone: int = 0
    unrouted: int = 0
    forgotten: int = 0
    pages: int = 0
    ocr_pages: int = 0
    layout_confidence: float | None = None


@dataclass(frozen=True, slots=True)
class FieldConfidence:
    """How sure one field's values are, in counts per tenth (0 to 0.1, ... 0.9 to 1).

    `review_read_badly` and `review_read_well` are the values to check by the layout confidence of their
    words; `ambiguous` ones are counted in neither.
    """

    field: str
    values: int
    confidence: float | None
    by_field_confidence: Histogram
    by_layout_confidence: Histogram
    review_read_badly: int = 0
    review_read_well: int = 0
    ambiguous: int = 0

    @property
    def review(self) -> int:
        return self.review_read_badly + self.review_read_well + self.ambiguous


@dataclass(frozen=True, slots=True)
class Failure:
    """Documents that ended (or wait) for one reason, the path and message of one, and what to type."""

    state: str
    reason: str
    documents: int
    example: str
    command: str
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """The version documents are scored with; `refused` is a newer candidate that did not earn its place."""

    version: int
    engine: str
    f1: float | None
    training_documents: int
    refused: Refused | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    version: int
    f1: float | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Stale:
    """Documents whose values are of another version than the one in use: an older one, as a rule."""

    form_type: str
    version: int
    documents: int

    @property
    def text(self) -> str:
        number = "1 document" if self.documents == 1 else f"{self.documents:,} documents"
        again = f"formpipe run --rescore --form-type {shlex.quote(self.form_type)}"
        return f"{number} still scored by version {self.version}: {again}"


@dataclass(frozen=True, slots=True)
class FormTypeSummary:
    """What the run did for a form type (`run_row`, None: nothing), and how it stands now.

    `left` is how many documents the run left for the next one, None where a later run went on with them.
    """

    form_type: str
    run_row: RunRow | None
    documents: Documents
    fields: tuple[FieldConfidence, ...] = ()
    failures: tuple[Failure, ...] = ()
    model: Model | None = None
    stale: tuple[Stale, ...] = ()
    left: int | None = None

    @property
    def unchanged(self) -> int | None:
        """Documents of the backlog the run had no need to score; None where it did nothing."""
        row = self.run_row
        if row is None:
            return None
        waiting = row.retried if self.left is None else self.left
        return max(0, row.listed - scored(row) - waiting)

    @property
    def values(self) -> int:
        return sum(field.values for field in self.fields)

    @property
    def review(self) -> int:
        return sum(field.review for field in self.fields)

    @property
    def ambiguous(self) -> int:
        return sum(field.ambiguous for field in self.fields)

    @property
    def confidence(self) -> float | None:
        """The mean field confidence of all values."""
        known = [(f.confidence, f.values) for f in self.fields if f.confidence is not None]
        total = sum(number for _, number in known)
        return sum(mean * number for mean, number in known) / total if total else None


@dataclass(frozen=True, slots=True)
class Report:
    """`run` is None before the first run; form types then have no `run_row`."""

    run: Run | None
    form_types: tuple[FormTypeSummary, ...]
    throughput: Throughput = _NO_THROUGHPUT


def scored(row: RunRow) -> int:
    """Documents a run came to an end with."""
    return row.loaded + row.partial + row.dead + row.unrouted


def pages_per_second(row: RunRow) -> float | None:
    """Pages a run read for a form type in a second of its wall time."""
    return row.pages / row.seconds if row.seconds > 0 else None


def build_report(connection: Connection, run_id: int | None = None, form_type: str | None = None) -> Report:
    """The report of a run (the last one for None), over the form types it had a part in, or the one that is
    asked for; over all of them where it had a part in none.

    Raises RunError `unknown-run` or `unknown-form-type`.
    """
    groups = choose(queries.form_types(connection), form_type)
    found = queries.find_run(connection, run_id)
    if found is None and run_id is not None:
        raise RunError(f"there is no run {run_id}: see `formpipe status`", reason="unknown-run")
    run = (
        None
        if found is None
        else Run(found.id, found.state, found.started_at, found.finished_at, found.reason)
    )
    rows = {} if run is None else queries.rows_of_run(connection, run.id)
    taken = {name: group for name, group in groups.items() if name in rows}
    finished = iter(()) if run is None else queries.finished_documents(connection, run.id)
    return Report(run, _form_types(connection, run, taken or groups, rows), throughput(finished))


def to_json(report: Report) -> dict[str, Any]:
    """The report as plain data, with what is derived from it."""
    raw = asdict(report)
    for plain, summary in zip(raw["form_types"], report.form_types, strict=True):
        plain |= {"values": summary.values, "review": summary.review, "ambiguous": summary.ambiguous}
        plain |= {"confidence": summary.confidence, "unchanged": summary.unchanged}
        if summary.run_row is not None:
            plain["run_row"]["pages_per_second"] = pages_per_second(summary.run_row)
    return raw


def choose(groups: dict[str, str], form_type: str | None) -> dict[str, str]:
    """One form type of all, or all; raises RunError `unknown-form-type`."""
    if form_type is None:
        return groups
    if form_type not in groups:
        near = get_close_matches(form_type, groups, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "see `formpipe params list`"
        raise RunError(f"there is no form type {form_type!r}: {hint}", reason="unknown-form-type")
    return {form_type: groups[form_type]}


def _form_types(
    connection: Connection, run: Run | None, groups: Mapping[str, str], rows: Mapping[str, Row[Any]]
) -> tuple[FormTypeSummary, ...]:
    only = next(iter(groups)) if len(groups) == 1 else None
    documents = grouped(queries.documents_by_state(connection), lambda row: row.form_type)
    spread = grouped(queries.confidences(connection, only), lambda row: row.form_type)
    failed = grouped(queries.failures(connection), lambda row: row.form_type)
    forgotten = forgetting.counts(connection)
    versions = grouped(queries.model_versions(connection), lambda row: row.form_batch_group_id)
    by_version = grouped(queries.documents_by_version(connection), lambda row: row.form_type)
    last = {name for name, row in queries.last_runs(connection).items() if run and row.run_id == run.id}
    return tuple(
        FormTypeSummary(
            form_type=name,
            run_row=_run_row(rows[name]) if name in rows else None,
            documents=(counts := count_documents(documents[name], forgotten.get(name, 0))),
            fields=_fields(spread[name]),
            failures=tuple(_failure(row) for row in failed[name]),
            model=(model := current_model(versions[group])),
            stale=scored_by_others(name, model, by_version[name]),
            left=counts.pending if name in last else None,
        )
        for name, group in groups.items()
    )


def grouped(rows: Iterable[Item], key: Callable[[Item], str]) -> defaultdict[str, list[Item]]:
    """Rows by key, in their order."""
    groups: defaultdict[str, list[Item]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def _run_row(row: Row[Any]) -> RunRow:
    return RunRow(**{field.name: getattr(row, field.name) for field in fields(RunRow)})


def count_documents(rows: Sequence[Row[Any]], forgotten: int) -> Documents:
    """The rows of `queries.documents_by_state` of one form type as one record, and those without a row."""
    counts = {row.state: row.documents for row in rows}
    read = sum(row.read for row in rows)
    total = sum(row.layout_confidence or 0.0 for row in rows)
    return Documents(
        **counts,
        forgotten=forgotten,
        pages=sum(row.pages for row in rows),
        ocr_pages=sum(row.ocr_pages for row in rows),
        layout_confidence=total / read if read else None,
    )


def _fields(rows: Sequence[Row[Any]]) -> tuple[FieldConfidence, ...]:
    return tuple(_field(name, cells) for name, cells in grouped(rows, lambda row: row.field).items())


def _field(name: str, cells: Sequence[Row[Any]]) -> FieldConfidence:
    badly = [c for c in cells if c.layout_tenth is not None and c.layout_tenth < GOOD_LAYOUT_TENTH]
    sure = sum(cell.number for cell in cells if cell.field_tenth is not None)
    review = sum(cell.review for cell in cells)
    review_badly = sum(cell.review for cell in badly)
    return FieldConfidence(
        field=name,
        values=sum(cell.number for cell in cells),
        confidence=sum(cell.confidence or 0.0 for cell in cells) / sure if sure else None,
        by_field_confidence=_histogram((cell.field_tenth, cell.number) for cell in cells),
        by_layout_confidence=_histogram((cell.layout_tenth, cell.number) for cell in cells),
        review_read_badly=review_badly,
        review_read_well=review - review_badly,
        ambiguous=sum(cell.ambiguous for cell in cells),
    )


def _histogram(counts: Iterable[tuple[int | None, int]]) -> Histogram:
    bars = [0] * queries.BUCKETS
    for tenth, number in counts:
        if tenth is not None:
            bars[tenth] += number
    return tuple(bars)


def _failure(row: Row[Any]) -> Failure:
    command = failure_command(row.form_type, row.state, row.reason)
    return Failure(row.state, row.reason, row.documents, row.example, command, row.message)


CAN_PASS = frozenset(
    {"timed-out", "out-of-memory", "worker-died", "blob-unreadable", "blob-changed", "unexpected-error"}
)
"""Reasons that lie in the machine or the moment; any other lies in the document, and stays."""


STAYS = frozenset({"empty-text"})
"""Reasons of partial documents that no model makes go away."""


def failure_command(form_type: str, state: str, reason: str) -> str:
    """What to type to have these documents tried again (waiting ones: now), where that can help; else to
    see them."""
    name = shlex.quote(form_type)
    if state == "unrouted":
        return f"formpipe status --form-type {name} --unrouted"
    if (state == "dead" and reason not in CAN_PASS) or reason in STAYS:
        return f"formpipe status --form-type {name} --outcome {state}"
    outcome = " --outcome partial" if state == "partial" else ""
    return f"formpipe retry --form-type {name}{outcome} --reason {shlex.quote(reason)}"


def scored_by_others(form_type: str, model: Model | None, rows: Sequence[Row[Any]]) -> tuple[Stale, ...]:
    """Documents (the rows of `queries.documents_by_version`) of other versions than the active one."""
    if model is None:
        return ()
    return tuple(Stale(form_type, r.version, r.documents) for r in rows if r.version != model.version)


def current_model(versions: Sequence[Row[Any]]) -> Model | None:
    """The active one of a group's versions (newest first), with the newest refused one beyond it."""
    active = next((v for v in versions if v.state == "active"), None)
    if active is None:
        return None
    newer = (v for v in versions if v.version > active.version and v.state in ("candidate", "invalid"))
    refused = next((Refused(v.version, v.f1, v.reason) for v in newer), None)
    return Model(active.version, active.engine, active.f1, active.training_documents, refused)
