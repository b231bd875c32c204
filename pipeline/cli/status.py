"""`formpipe status`: where every form type stands, its documents by outcome, and the values to check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from pipeline.cli.console import err, out
from pipeline.cli.tables import Output, print_json, print_table, short_time
from pipeline.cli.unrouted import say_unrouted
from pipeline.db.connection import reading
from pipeline.reports import queries
from pipeline.reports.standing import LastRun, Standing, standings
from pipeline.reports.text import measure
from pipeline.wiring import open_app, utc_now


class State(StrEnum):
    """Where a document can be."""

    PENDING = "pending"
    LOADED = "loaded"
    PARTIAL = "partial"
    DEAD = "dead"
    GONE = "gone"
    UNROUTED = "unrouted"


_COUNTS = ("pending", "loaded", "partial", "dead", "gone", "unrouted", "forgotten")
_RARE = {">gone": "0", ">unrouted": "0", ">forgotten": "0"}
_HEADS = {"form_type": "form type", "document_id": "document", "layout_confidence": "layout"}
_NUMBERS = ("id", "document_id", "attempts", "pages", "occurrence", "page", "confidence", "layout_confidence")
_DOCUMENT = ("form_type", "id", "state", "reason", "attempts", "pages", "path", "message")
_VALUE = (
    "form_type",
    "document_id",
    "field",
    "occurrence",
    "page",
    "confidence",
    "layout_confidence",
    "ambiguous",
    "path",
)


def status(
    form_type: Annotated[
        str | None, typer.Option("--form-type", "-f", help="Only this form type.", show_default=False)
    ] = None,
    outcome: Annotated[
        State | None, typer.Option("--outcome", help="List documents instead.", show_default=False)
    ] = None,
    unrouted: Annotated[
        bool,
        typer.Option("--unrouted", help="List what a router is not sure of, with its best guesses, instead."),
    ] = False,
    review: Annotated[
        bool, typer.Option("--review", help="List the values a person should check instead.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The longest list.")] = 1000,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to answer.")] = Output.TEXT,
) -> None:
    """Where every form type stands, its documents by outcome, what a router is not sure of, or the values to
    check (never their text)."""
    if review and outcome:
        raise typer.BadParameter("list either documents or values", param_hint="--review")
    if unrouted and (review or outcome):
        raise typer.BadParameter("it is a list of its own", param_hint="--unrouted")
    with reading(open_app().database) as connection:
        found = standings(connection, form_type)
        silent = {"form type": form_type or "", "state": outcome or "", ">occurrence": "0", "ambiguous": ""}
        if unrouted:
            waiting, unsorted = (
                queries.unrouted(connection, form_type, limit),
                queries.unsorted(connection, form_type),
            )
            say_unrouted(waiting, limit, output, unsorted)
        elif review:
            _list(queries.review_list(connection, form_type, limit), _VALUE, silent, limit, output)
        elif outcome:
            listed = queries.document_list(connection, form_type, outcome, limit)
            _list(listed, _DOCUMENT, silent, limit, output)
        else:
            _standings(found, output)


def _standings(found: Sequence[Standing], output: Output) -> None:
    if output is Output.JSON:
        print_json([asdict(standing) for standing in found])
    elif not found:
        out.print("No form type yet: `formpipe params add --help` shows how to add one.")
    else:
        columns = ("form type", *(f">{name}" for name in _COUNTS), ">to check", "model", "last run")
        now = utc_now()
        print_table(columns, [_line(standing, now) for standing in found], silent=_RARE)
        for standing in found:
            for each in standing.stale:
                out.print(f"{standing.form_type}: {each.text}", markup=False)


def _line(standing: Standing, now: datetime) -> tuple[str, ...]:
    counts = (str(getattr(standing.documents, name)) for name in _COUNTS)
    model, last = standing.model, standing.last_run
    version = f"v{model.version} {measure(model)}" if model else "none yet"
    return (standing.form_type, *counts, str(standing.review), version, _last_run(last, now))


def _last_run(last: LastRun | None, now: datetime) -> str:
    if last is None:
        return "never"
    ended = "" if last.state == "finished" else f" {last.state}"
    return f"{last.id}, {short_time(last.started_at, now)}{ended}"


def _list(
    rows: Iterable[Any], columns: Sequence[str], silent: Mapping[str, str], limit: int, output: Output
) -> None:
    """`silent`: what was asked for, and need not be said in every row."""
    answers = [{name: getattr(row, name) for name in columns} for row in rows]
    if output is Output.JSON:
        print_json(answers)
    elif not answers:
        out.print("None.")
    else:
        heads = [(">" if name in _NUMBERS else "") + _HEADS.get(name, name) for name in columns]
        print_table(heads, [[_cell(answer, name) for name in columns] for answer in answers], silent=silent)
    if len(answers) == limit:
        err.print(f"The list may be longer than {limit}: see --limit.")


def _cell(answer: Mapping[str, Any], name: str) -> str:
    value = answer[name]
    if value is None or value is False:
        return ""
    if value is True:
        return "yes"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
