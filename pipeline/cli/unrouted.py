"""What `formpipe status --unrouted` says: documents that a router is not sure of, and how to move one."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from rich.markup import escape

from pipeline.cli.console import err, out
from pipeline.cli.tables import Output, print_json, print_table
from pipeline.db.routing import UNKNOWN

_GUESSES = 3


def say_unrouted(rows: Iterable[Any], limit: int, output: Output, unsorted: Mapping[str, int]) -> None:
    """Each document with its best guesses and what moves it to the first of them. `unsorted`: by router, how
    many documents it was not a router for when it scored them."""
    found = documents(rows)
    if output is Output.JSON:
        print_json(found)
    elif not found:
        out.print("None waits for a person.")
    else:
        columns = ("router", ">id", "reason", ">pages", "guesses", "path")
        print_table(columns, [_line(each) for each in found], silent={">pages": ""})
        out.print(f"To move one: [bold]{escape(command(found[0]))}[/bold]")
    for name, count in unsorted.items():
        err.print(
            f"{count} documents of {escape(name)} are with no form type: they were scored before it was a "
            f"router, or forgotten there. To sort them: formpipe run --form-type {escape(name)} --rescore"
        )
    if len(found) == limit:
        err.print(f"The list may be longer than {limit}: see --limit.")


def documents(rows: Iterable[Any]) -> list[dict[str, Any]]:
    """The rows of `queries.unrouted` as one record for each document."""
    return [_document(list(some)) for _, some in groupby(rows, key=lambda row: (row.form_type, row.id))]


def command(document: Mapping[str, Any]) -> str:
    """What to type to move a document, as soon as the form type is right."""
    guesses = [] if document["reason"] == UNKNOWN else document["guesses"]
    name = guesses[0]["class"] if guesses else "FORM_TYPE"
    return f"formpipe route {document['id']} {shlex.quote(name)}"


def _document(rows: Sequence[Any]) -> dict[str, Any]:
    first = rows[0]
    guesses = [
        {"class": row._mapping["class"], "confidence": row.confidence, "page": row.page}
        for row in rows
        if row._mapping["class"] is not None
    ]
    columns = ("form_type", "id", "path", "reason", "message", "pages")
    return {name: getattr(first, name) for name in columns} | {"guesses": guesses}


def _line(document: Mapping[str, Any]) -> tuple[str, ...]:
    pages = document["pages"]
    return (
        document["form_type"],
        str(document["id"]),
        document["reason"] or "",
        "" if pages in (None, 1) else str(pages),
        _guesses(document["guesses"]),
        document["path"],
    )


def _guesses(guesses: Sequence[Mapping[str, Any]]) -> str:
    """The likeliest classes; of a file whose pages were told apart, the likeliest of each page."""
    many = len({guess["page"] for guess in guesses}) > 1
    shown = guesses if many else guesses[:_GUESSES]
    return ", ".join(
        f"{guess['class']} {guess['confidence']:.2f}" + (f" (page {guess['page']})" if many else "")
        for guess in shown
    )
