"""The report as rich renderables for a terminal. Everything from outside is plain `Text`, never markup."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pipeline.reports.advice import advise
from pipeline.reports.summary import FormTypeSummary, Model, Report, Run, pages_per_second

_DOCUMENTS = ("listed", "loaded", "partial", "dead", "pending")
_WORK = ("pages", "by OCR", "values", "to check", "seconds", "pages/s")
_STYLES = {"loaded": "green", "partial": "yellow", "dead": "red", "to check": "yellow", "pending": "cyan"}


def render(report: Report) -> RenderableType:
    """The whole report: the run in numbers, then each form type with what it asks for, then failures."""
    parts: list[RenderableType] = [_run_line(report.run), ""]
    for columns in (_DOCUMENTS, _WORK):
        parts.extend((_numbers(report.form_types, columns), ""))
    for summary in report.form_types:
        parts.extend((*_details(summary), ""))
    parts.extend(_failures(report.form_types))
    return Group(*parts)


def _run_line(run: Run | None) -> Text:
    if run is None:
        return Text("No run yet. Start one with: formpipe run", style="bold")
    line = Text.assemble((f"Run {run.id}", "bold"), f"  {run.state}, {run.started_at:%Y-%m-%d %H:%M:%S} UTC")
    if run.seconds is not None:
        line.append(f", {duration(run.seconds)}")
    if run.reason:
        line.append(f": {run.reason}")
    return line


def duration(seconds: float) -> str:
    """Seconds as a person reads them: `4.2 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _numbers(summaries: Sequence[FormTypeSummary], columns: Sequence[str]) -> Table:
    """Two tables rather than a wide one: each fits a terminal of 80 columns."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("form type", overflow="fold", min_width=21)
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True, min_width=len(name))
    for summary in summaries:
        counts = _counts(summary)
        table.add_row(Text(summary.form_type), *(_cell(name, counts.get(name)) for name in columns))
    return table


def _counts(summary: FormTypeSummary) -> dict[str, float | None]:
    """Of this run; `pending` and `to check` as they stand now. What is left out the run did not touch."""
    now: dict[str, float | None] = {"pending": summary.documents.pending, "to check": summary.review}
    row = summary.run_row
    if row is None:
        return now
    documents = {"listed": row.listed, "loaded": row.loaded, "partial": row.partial, "dead": row.dead}
    work = {"pages": row.pages, "by OCR": row.ocr_pages, "values": row.field_values, "seconds": row.seconds}
    return {**now, **documents, **work, "pages/s": pages_per_second(row)}


def _cell(name: str, value: float | None) -> Text:
    if value is None:
        return Text("-", style="dim")
    shown = f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"
    return Text(shown, style=_STYLES.get(name, "") if value else "dim")


def _details(summary: FormTypeSummary) -> Iterator[RenderableType]:
    yield Text(summary.form_type, style="bold")
    for line in _facts(summary):
        yield Padding(line, (0, 0, 0, 2))


def _facts(summary: FormTypeSummary) -> Iterator[Text]:
    row = summary.run_row
    if row is not None:
        said = "; ".join(filter(None, (row.decision, row.reason)))
        yield Text(
            f"{row.state}: {said}" if said else row.state, style="red" if row.state == "failed" else ""
        )
    yield Text(f"model: {model_line(summary.model)}")
    if summary.values:
        yield Text(
            f"layout confidence (were the words read well?) {share(summary.documents.layout_confidence)}; "
            f"field confidence (was the right value found?) {share(summary.confidence)}"
        )
    for advice in advise(summary):
        yield Text(advice.text, style="yellow")
    if summary.review:
        yield Text(f"to see them: formpipe status --form-type {summary.form_type} --review", style="dim")


def model_line(model: Model | None) -> str:
    """The active version and its score; a refused candidate with the gate's reason."""
    if model is None:
        return "none yet"
    line = f"version {model.version}, F1 {score(model.f1)} ({model.training_documents} training forms)"
    if model.refused is not None:
        refused = model.refused
        why = refused.reason or "no reason was given"
        line += f"; version {refused.version} (F1 {score(refused.f1)}) was not promoted: {why}"
    return line


def score(value: float | None) -> str:
    """A score with three digits: gates decide on the third."""
    return "unknown" if value is None else f"{value:.3f}"


def share(value: float | None) -> str:
    """A mean confidence with two digits."""
    return "unknown" if value is None else f"{value:.2f}"


def _failures(summaries: Iterable[FormTypeSummary]) -> Iterator[RenderableType]:
    table = Table(box=None, pad_edge=False, header_style="dim", title_justify="left")
    table.add_column("documents", justify="right")
    table.add_column("form type", overflow="fold")
    table.add_column("state")
    table.add_column("reason", overflow="fold")
    table.add_column("what to type", overflow="fold")
    for summary in summaries:
        for failure in summary.failures:
            cells = (summary.form_type, failure.state, failure.reason, failure.command)
            table.add_row(Text(f"{failure.documents:,}"), *map(Text, cells))
    if table.row_count:
        yield Text("Documents that need attention", style="bold")
        yield table
