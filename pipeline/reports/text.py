"""The report as rich renderables for a terminal. Everything from outside is plain `Text`, never markup."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from pipeline.reports.advice import advise
from pipeline.reports.summary import (
    Failure,
    FormTypeSummary,
    Model,
    Report,
    Run,
    pages_per_second,
    scored,
)
from pipeline.types import RunRow

_RUN = ("listed", "unchanged", "loaded", "partial", "dead")
_WORK = ("pages", "by OCR", "values", "seconds", "pages/s")
_NOW = ("pending", "loaded", "partial", "dead", "gone", "to check")
_FORGOTTEN = "forgotten"
_REUSED = "reused"
_ROUTED, _UNROUTED = "routed", "unrouted"
_LEFT_OVER = "left over"
_COST = "USD"
_STYLES = {"loaded": "green", "partial": "yellow", "dead": "red", "to check": "yellow", "pending": "cyan"}


def render(report: Report) -> RenderableType:
    """The whole report: the run in numbers, how it stands now, then each form type with what it asks for,
    then failures. Lines have no blanks at their end."""
    parts: list[RenderableType] = [_run_line(report.run), ""]
    summaries = report.form_types
    if report.run is not None:
        done = [_done(summary) for summary in summaries]
        run = _with(_with(_with(_RUN, _ROUTED, done), _UNROUTED, done), _LEFT_OVER, done)
        parts += [_numbers("this run", summaries, run, done), ""]
        work = _with(_with(_WORK, _REUSED, done), _COST, done)
        parts += [_numbers("its work", summaries, work, done), ""]
    parts += [_standing(summaries), ""]
    for summary in summaries:
        parts.extend((*_details(summary), ""))
    parts.extend(_failures(summaries))
    return _Trimmed(Group(*parts))


@dataclass(frozen=True, slots=True)
class _Trimmed:
    """Renders without the blanks that tables and paddings leave at the end of lines."""

    content: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in console.render_lines(self.content, options.update(height=None), pad=False):
            text = Text.assemble(*((segment.text, segment.style or "") for segment in line), end="")
            text.rstrip()
            yield from text.render(console)
            yield Segment.line()


def _run_line(run: Run | None) -> Text:
    if run is None:
        return Text("No run yet. Start one with: formpipe run", style="bold")
    started = f"started {run.started_at:%Y-%m-%d %H:%M:%S} UTC"
    line = Text.assemble((f"Run {run.id}", "bold"), f"  {run.state}, {started}")
    if run.seconds is not None:
        line.append(f", took {duration(run.seconds)}")
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


def _standing(summaries: Sequence[FormTypeSummary]) -> Table:
    """Unrouted and forgotten documents have a column where there are some."""
    counts = [_now(summary) for summary in summaries]
    columns = _with(_with(_NOW, _UNROUTED, counts), _FORGOTTEN, counts)
    return _numbers("as it stands now", summaries, columns, counts)


def _numbers(
    title: str,
    summaries: Sequence[FormTypeSummary],
    columns: Sequence[str],
    counts: Sequence[Mapping[str, float | Decimal | None]],
) -> Table:
    """Three tables rather than a wide one: each fits a terminal of 80 columns."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(Text(title), overflow="fold", min_width=21)
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True, min_width=len(name))
    for summary, mine in zip(summaries, counts, strict=True):
        table.add_row(Text(summary.form_type), *(_cell(name, mine.get(name)) for name in columns))
    return table


def _with(
    columns: tuple[str, ...], rare: str, counts: Sequence[Mapping[str, float | Decimal | None]]
) -> tuple[str, ...]:
    """The columns, and one that is there where it says something: what was reused, what limits left, what
    was paid."""
    return (*columns, rare) if any(each.get(rare) for each in counts) else columns


def _now(summary: FormTypeSummary) -> dict[str, float | Decimal | None]:
    documents = summary.documents
    counts = {name: getattr(documents, name) for name in (*_NOW[:-1], _UNROUTED, _FORGOTTEN)}
    return {**counts, "to check": summary.review}


def _done(summary: FormTypeSummary) -> dict[str, float | Decimal | None]:
    """Nothing for a form type that the run did not touch. Costs are at pay-as-you-go prices."""
    row = summary.run_row
    if row is None:
        return {}
    documents = {"listed": row.listed, "loaded": row.loaded, "partial": row.partial, "dead": row.dead}
    work = {"pages": row.pages, "by OCR": row.ocr_pages, "values": row.field_values, "seconds": row.seconds}
    routed = {_ROUTED: row.routed, _UNROUTED: row.unrouted}
    rare = {_REUSED: row.reused, **routed, _LEFT_OVER: row.left_over, _COST: row.cost}
    return {**documents, **work, **rare, "unchanged": summary.unchanged, "pages/s": pages_per_second(row)}


def _cell(name: str, value: float | Decimal | None) -> Text:
    if value is None:
        return Text("-", style="dim")
    digits = {float: ",.1f", Decimal: ",.2f"}.get(type(value), ",")
    shown = format(value, digits)
    return Text(shown, style=_STYLES.get(name, "") if value else "dim")


def _details(summary: FormTypeSummary) -> Iterator[RenderableType]:
    yield Text(summary.form_type, style="bold")
    for line in _facts(summary):
        yield Padding(line, (0, 0, 0, 2))


def _facts(summary: FormTypeSummary) -> Iterator[Text]:
    row = summary.run_row
    if row is not None:
        yield Text(row_line(row, summary.left), style="red" if row.state == "failed" else "")
    yield Text(f"model: {model_line(summary.model)}")
    if summary.values:
        yield Text(
            f"layout confidence (were the words read well?) {share(summary.documents.layout_confidence)}; "
            f"field confidence (was the right value found?) {share(summary.confidence)}"
        )
    for stale in summary.stale:
        yield Text(stale.text, style="yellow")
    for advice in advise(summary):
        yield Text(advice.text, style="yellow")
    if summary.review:
        yield Text(f"to see them: formpipe status --form-type {summary.form_type} --review", style="dim")


def row_line(row: RunRow, left: int | None) -> str:
    """How a row ended and why. `left`: documents that wait for the next run, where that is known."""
    if row.state == "finished":
        said = "; ".join(filter(None, (decision_text(row.decision or ""), row.reason)))
    else:
        number = scored(row)
        known = left is not None and (left or number)
        count = f"{number} of {number + (left or 0)} scored" if known else f"{number} scored"
        rest = f", {left} left for the next run" if left else ""
        said = "; ".join(filter(None, (row.reason, count + rest)))
    return f"{row.state}: {said}" if said else row.state


def decision_text(decision: str) -> str:
    """What was decided about the model, with a reason that is given twice said once."""
    parts = list(dict.fromkeys(decision.split("; ")))
    return "; ".join(part for part in parts if not any(other.endswith(f": {part}") for other in parts))


def model_line(model: Model | None) -> str:
    """The active version and its score; a refused candidate with the gate's reason."""
    if model is None:
        return "none yet"
    line = f"version {model.version}, {measure(model)} ({model.training_documents} training forms)"
    if model.refused is not None:
        refused = model.refused
        why = refused.reason or "no reason was given"
        line += f"; version {refused.version} (F1 {score(refused.f1)}) was not promoted: {why}"
    return line


def measure(model: Model) -> str:
    """F1 on forms held out; a service measures its models itself (`formpipe models show`)."""
    if model.f1 is None and model.engine != "local":
        return f"measured by {model.engine}"
    return f"F1 {score(model.f1)}"


def score(value: float | None) -> str:
    """A score with three digits: gates decide on the third."""
    return "unknown" if value is None else f"{value:.3f}"


def share(value: float | None) -> str:
    """A mean confidence with two digits."""
    return "unknown" if value is None else f"{value:.2f}"


def _failures(summaries: Iterable[FormTypeSummary]) -> Iterator[RenderableType]:
    blocks = [
        block for summary in summaries for each in summary.failures for block in _failure(summary, each)
    ]
    if blocks:
        yield Text("Documents that need attention", style="bold")
        yield from blocks


def _failure(summary: FormTypeSummary, failure: Failure) -> Iterator[RenderableType]:
    """How many of what, one of them with its message, and a command on a line of its own."""
    what = f"{failure.documents:,} {failure.state}: {failure.reason} ({summary.form_type})"
    message = f": {failure.message}" if failure.message else ""
    yield Padding(Text(what, style=_STYLES.get(failure.state, "")), (0, 0, 0, 2))
    yield Padding(Text(f"{failure.example}{message}", overflow="fold"), (0, 0, 0, 4))
    yield Padding(Text(failure.command, style="bold"), (0, 0, 0, 4))
