"""`formpipe route`: move a document to a form type by hand."""

from __future__ import annotations

import getpass
import re
from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape

from pipeline.cli.console import out
from pipeline.cli.tables import Output, OutputOption, print_json
from pipeline.orchestrator.moving import Move, Moved, find_source, move, require_target
from pipeline.orchestrator.routing import routes_of
from pipeline.orchestrator.survey import load_rows
from pipeline.wiring import open_app


def route(
    document: Annotated[
        str,
        typer.Argument(help="An id or a path as status shows it, or the end of one.", show_default=False),
    ],
    form_type: Annotated[str, typer.Argument(help="Where it belongs.", show_default=False)],
    router: Annotated[
        str | None,
        typer.Option("--router", help="Of this router, where several have it.", show_default=False),
    ] = None,
    pages: Annotated[
        str | None,
        typer.Option("--pages", metavar="FIRST-LAST", help="Only these of its pages.", show_default=False),
    ] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Give a document of a router to a form type; the next run scores it there. What another form type found
    in it is removed. The router learns from it at its next training, and moves this content nowhere else.

    The file stays where it is. `formpipe status --unrouted` lists what waits for this.
    """
    meant = _pages(pages)
    app = open_app()
    validated = load_rows(app.sources)
    routes = routes_of(app.sources, validated)
    require_target(routes, form_type)
    routers = [row for row in validated.form_types if row.routes]
    source_id, row, part = find_source(app.database, routers, document, router)
    wanted = Move(row, source_id, form_type, _user(), meant or part)
    least = row.min_confidence if row.min_confidence is not None else app.settings.min_confidence
    moved = move(app.database, wanted, routes, app.clock.now(), least)
    if output is Output.JSON:
        print_json(asdict(moved) | {"form_type": form_type, "pages": wanted.pages})
    else:
        _say(moved, form_type, wanted.pages)


def _say(moved: Moved, form_type: str, pages: tuple[int, int] | None) -> None:
    what = moved.path if pages is None else f"{moved.path}, pages {pages[0]}-{pages[1]},"
    left = [name for name in moved.before if name not in moved.after]
    away = f" It is no longer with {', '.join(left)}." if left else ""
    told = f"{what} is with {form_type} now: `formpipe run` scores it there.{away}"
    out.print(told, markup=False)
    out.print(f"[dim]{escape(moved.router)} learns from it at its next training.[/dim]")
    if moved.open:
        out.print("Some of its pages still wait: `formpipe status --unrouted`")


def _pages(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    read = re.fullmatch(r"([1-9][0-9]{0,5})(?:-([1-9][0-9]{0,5}))?", text.strip())
    if read is None or int(read[2] or read[1]) < int(read[1]):
        raise typer.BadParameter("write the first and the last page: 2-3", param_hint="--pages")
    return int(read[1]), int(read[2] or read[1])


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody"
