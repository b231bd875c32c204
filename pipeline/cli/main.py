"""`formpipe`: the commands, and the one place where an error becomes a message and an exit code."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer
from rich.markup import escape
from sqlalchemy.exc import SQLAlchemyError

from pipeline.cli import database, models, params
from pipeline.cli.console import Exit, err, out
from pipeline.cli.demo import demo
from pipeline.cli.doctor import doctor
from pipeline.cli.emulator import emulator
from pipeline.cli.forget import forget_documents
from pipeline.cli.help_text import flow
from pipeline.cli.init import init
from pipeline.cli.layout import layout
from pipeline.cli.plan import plan
from pipeline.cli.report import report
from pipeline.cli.route import route
from pipeline.cli.rows import rows
from pipeline.cli.run import retry, run
from pipeline.cli.status import status
from pipeline.cli.verify import verify
from pipeline.db.faults import ended_by
from pipeline.errors import FormpipeError
from pipeline.logs import redact

app = typer.Typer(
    name="formpipe",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Forms in, typed rows out: add one row to a SQL table, and the next run does the rest.",
)


def _version(wanted: bool) -> None:
    if wanted:
        out.print(f"formpipe {version('formpipe')}")
        raise typer.Exit


@app.callback()
def _root(
    show_version: Annotated[
        bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Commands are registered below this."""


app.command(epilog="Example: formpipe init forms-project")(init)
app.command(epilog="Example: formpipe plan --form-type invoices")(plan)
app.command(epilog="Example: formpipe run --form-type invoices --form-type receipts")(run)
app.command(epilog="Example: formpipe rows invoices --limit 20")(rows)
app.command(epilog="Example: formpipe retry --form-type invoices --reason damaged-pdf")(retry)
app.command(epilog="Example: formpipe route inbox/scan-0042.pdf purchase_invoice")(route)
app.command(epilog="Example: formpipe report --html report.html")(report)
app.command(epilog="Example: formpipe status --form-type invoices --outcome dead")(status)
app.command(epilog="Example: formpipe verify --form-type invoices --output json")(verify)
app.command("forget", epilog="Example: formpipe forget --form-type invoices --older-than 400d --dry-run")(
    forget_documents
)
app.command(epilog="Example: formpipe layout invoice.pdf --text")(layout)
app.command(epilog="Example: formpipe demo /tmp/demo --seed 11")(demo)
app.command(epilog="Example: formpipe emulator --port 5000 --key first --key second")(emulator)
app.add_typer(database.app, name="db")
app.add_typer(models.app, name="models")
app.add_typer(params.app, name="params")
app.command(epilog="Example: formpipe doctor invoices")(doctor)
flow(app)


def main() -> None:
    """Run the command line; a named error is one line on standard error. A success returns: a session of
    Python (a Databricks wheel task, a notebook) takes any SystemExit for a failure."""
    try:
        app(standalone_mode=True)
    except SystemExit as ended:
        if ended.code:
            raise
    except FormpipeError as error:
        _end(error)
    except SQLAlchemyError as error:
        named = ended_by(error)
        if named is None:
            raise
        _end(named)


def _end(error: FormpipeError) -> NoReturn:
    err.print(f"[red]error[/red] {escape(redact(str(error)))} [dim]({error.reason})[/dim]")
    sys.exit(Exit.IMPOSSIBLE)


if __name__ == "__main__":
    main()
