"""`formpipe params`: look at, change and check the parameter table."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
import yaml
from rich.markup import escape
from sqlalchemy import Connection

from pipeline.cli.console import Exit, err, out
from pipeline.cli.params_print import LIST_COLUMNS, list_line, print_changes
from pipeline.cli.tables import Output, OutputOption, print_faults, print_json, print_table
from pipeline.db.connection import reading
from pipeline.params import original, table
from pipeline.params.changes import Changes, plan_changes
from pipeline.params.declarations import (
    Declared,
    Raw,
    declare,
    read_declarations,
    row_key,
    write_declarations,
)
from pipeline.params.row import did_you_mean, to_cells, to_field_cells
from pipeline.params.rules import Validated, validate
from pipeline.params.shapes import shown
from pipeline.wiring import App, open_app

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help="The form types: one row each.")

Keys = Annotated[list[str], typer.Argument(metavar="FORM_TYPE", help="Keys of the rows, one or more.")]
Key = Annotated[str, typer.Argument(metavar="FORM_TYPE", help="The key of the row.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]
Replace = Annotated[
    bool,
    typer.Option(
        "--replace", help="Overwrite rows that are there, as a whole: what is not given gets its default."
    ),
]
Container = Annotated[str | None, typer.Option(metavar="CONTAINER", help="Where it is another one.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="A YAML file, - for standard input.")]

_REQUIRED = "[red]\\[required][/red]"
"""Said of options that `--set` or a sibling can stand in for, so that the parser cannot require them."""

_PLACES = {
    "training_container_name": "--container",
    "training_blob_root_folder": "--training",
    "scoring_container_name": "--container",
    "scoring_input_blob_folder": "--backlog",
}


@app.command("list", epilog="Example: formpipe params list --output json")
def list_rows(output: OutputOption = Output.TEXT) -> None:
    """List the form types, and which of them cannot run."""
    opened = open_app()
    with reading(opened.database) as connection:
        rows, found = table.read_rows(connection), _load(connection, opened)
    good = {each.form_type: each for each in found.form_types}
    faults = Counter(fault.row for fault in found.faults)
    if output is Output.JSON:
        cells = [to_cells(good[key]) if (key := str(row["form_type"])) in good else row for row in rows]
        print_json({"form_types": cells, "faults": [asdict(fault) for fault in found.faults]})
        return
    keys = [str(row["form_type"]) for row in rows]
    lines = [list_line(row, good.get(key), faults[key]) for key, row in zip(keys, rows, strict=True)]
    print_table(LIST_COLUMNS, lines, whole=1)
    if not rows:
        err.print("no form types yet: `formpipe params add --help` shows how to add one")


@app.command(epilog="Example: formpipe params show w9")
def show(form_type: Key, output: OutputOption = Output.TEXT) -> None:
    """Show every column of a row, its fields and its faults. Exit code 1 where it cannot run."""
    opened = open_app()
    with reading(opened.database) as connection:
        row = _require(connection, [form_type])[form_type]
        fields = [field for field in table.read_fields(connection) if field["form_type"] == form_type]
        found = _load(connection, opened)
    faults = [fault for fault in found.faults if fault.row == form_type]
    mine = [each for each in found.form_types if each.form_type == form_type]
    cells = to_cells(mine[0]) if mine else row
    if mine:
        fields = [to_field_cells(form_type, spec) for spec in mine[0].fields]
    if output is Output.JSON:
        print_json({**cells, "fields": fields, "faults": [asdict(fault) for fault in faults]})
    else:
        print_table(("column", "value"), [(column, shown(cell)) for column, cell in cells.items()])
        if fields:
            names = tuple(name for name in fields[0] if name != "form_type")
            print_table(names, [[shown(field[name]) for name in names] for field in fields])
        if faults:
            print_faults(faults)
    if faults:
        raise typer.Exit(Exit.ATTENTION)


@app.command(
    epilog="Example: formpipe params add w9 --container forms --training w9/training "
    "--backlog w9/backlog --outputs w9/output --set min_confidence=0.8"
)
def add(
    form_type: Key,
    container: Annotated[
        str | None,
        typer.Option(metavar="CONTAINER", help=f"Where training forms and backlog lie. {_REQUIRED}"),
    ] = None,
    training_container: Container = None,
    training: Annotated[
        str | None, typer.Option(metavar="FOLDER", help=f"The folder of the training forms. {_REQUIRED}")
    ] = None,
    backlog_container: Container = None,
    backlog: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help=f"The folder new forms are dropped into. {_REQUIRED}"),
    ] = None,
    outputs: Annotated[
        str, typer.Option(metavar="FOLDER", help="Where <name>_output.json goes; none: nowhere.")
    ] = "",
    description: Annotated[str, typer.Option(metavar="TEXT", help="Free text.")] = "",
    group: Annotated[str, typer.Option(metavar="GROUP", help="Rows of one group share one model.")] = "",
    labels: Annotated[bool, typer.Option(help="Whether the training forms have label files.")] = True,
    locale: Annotated[
        str, typer.Option(metavar="LOCALE", help="How dates and amounts are written: en-US, de-AT.")
    ] = "",
    field: Annotated[
        list[str] | None, typer.Option(metavar="FIELD", help="NAME or NAME:TYPE; repeat it.")
    ] = None,
    cells: Annotated[
        list[str] | None, typer.Option("--set", metavar="CELL", help="COLUMN=VALUE of any column; repeat it.")
    ] = None,
    replace: Replace = False,
    dry_run: DryRun = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Add one form type. Nothing is written where it has a fault (exit code 1)."""
    row: dict[str, object] = {
        "form_type": form_type,
        "training_container_name": training_container or container,
        "training_blob_root_folder": training,
        "scoring_container_name": backlog_container or container,
        "scoring_input_blob_folder": backlog,
        "scoring_output_blob_folder": outputs,
        "form_description": description,
        "form_batch_group_id": group,
        "use_label_file": labels,
        "locale": locale,
        **_pairs(cells or ()),
    }
    _require_places(row)
    if field:
        row["fields"] = [_field(each) for each in field]
    _apply(declare([row]), output, dry_run=dry_run, only_new=not replace)


@app.command(
    epilog="Example: formpipe params apply forms.yaml --dry-run -- where forms.yaml holds "
    "'form_types: [{form_type: w9, training_container_name: forms, training_blob_root_folder: w9/training, "
    "scoring_container_name: forms, scoring_input_blob_folder: w9/backlog, fields: [{field: ssn}]}]'"
)
def apply(file: File, dry_run: DryRun = False, output: OutputOption = Output.TEXT) -> None:
    """Make the table hold the rows of a file.

    A row of the file is the whole row: a column it does not mention gets its default, but for
    [bold]model_id[/bold] and [bold]fields[/bold], which stay. Rows that the file does not mention stay.
    Faulty rows are shown and left out (exit code 1), the others are written.
    """
    _apply(_read(file), output, dry_run=dry_run)


@app.command(epilog="Example: formpipe params export forms.yaml")
def export(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="Standard output without it.")] = None,
    model_ids: Annotated[bool, typer.Option(help="Also ids of models this database made itself.")] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Write every row as YAML that `params apply` reads; cells that hold their default are left out."""
    opened = open_app()
    with reading(opened.database) as connection:
        rows, found = table.read_rows(connection), _load(connection, opened)
        own = frozenset() if model_ids else table.own_model_ids(connection)
        fields = table.read_fields(connection)
    faulty = _with_fields([row for row in rows if str(row["form_type"]) in found.faulty], fields)
    written = write_declarations(found.form_types, faulty, without_model_ids=own)
    if output is Output.JSON:
        print_json(yaml.safe_load(written))
    elif file is None:
        typer.echo(written, nl=False)
    else:
        file.write_text(written, encoding="utf-8")
        err.print(f"{len(rows)} rows written to {escape(str(file))}")


@app.command("validate", epilog="Example: formpipe params validate forms.yaml")
def check(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="A YAML file; else the table.")] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show every fault of every row, of the table or of a file that would be applied to it. Exit code 1
    where there is one."""
    opened = open_app()
    with reading(opened.database) as connection:
        if file is None:
            found = _load(connection, opened)
            good, faults = len(found.form_types), found.faults
        else:
            planned = _plan(connection, opened, _read(file))
            good, faults = len(planned.changes), planned.faults
    if output is Output.JSON:
        print_json({"valid": good, "faults": [asdict(fault) for fault in faults]})
    else:
        if faults:
            print_faults(faults)
        out.print(f"{good} rows without fault, {len({fault.row for fault in faults})} with faults")
    if faults:
        raise typer.Exit(Exit.ATTENTION)


@app.command(
    "import", epilog="Example: formpipe params import --from-table dbo.ParamFormRecogniser --dry-run"
)
def import_rows(
    from_table: Annotated[
        str, typer.Option(metavar="TABLE", help="A table of this database, or schema.table.")
    ],
    engine: Annotated[str, typer.Option(metavar="ENGINE", help="The engine of the new rows.")] = "local",
    api_version: Annotated[
        str | None, typer.Option(metavar="VERSION", help="Its version, where it has some.")
    ] = None,
    replace: Replace = False,
    dry_run: DryRun = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Take over the rows of the original recipe's parameter table. The key is made from the description or
    the folder; rows that are there already stay as they are, unless with --replace."""
    opened = open_app()
    with reading(opened.database) as connection:
        found = original.import_from(connection, from_table, engine=engine, api_version=api_version)
        there = {str(row["form_type"]) for row in table.read_rows(connection)}
    kept = [row for row in found.rows if str(row["form_type"]) in there and not replace]
    for note in (*found.notes, *(f"{row['form_type']} is there already: kept" for row in kept)):
        err.print(escape(note))
    _apply(declare([row for row in found.rows if row not in kept]), output, dry_run=dry_run)


@app.command(epilog="Example: formpipe params disable w9")
def disable(form_types: Keys) -> None:
    """Keep rows from running; everything they have loaded stays."""
    _switch(form_types, False)


@app.command(epilog="Example: formpipe params enable w9")
def enable(form_types: Keys) -> None:
    """Let disabled rows run again."""
    _switch(form_types, True)


@app.command(epilog="Example: formpipe params purge w9 receipts --yes")
def purge(
    form_types: Keys,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without being asked.")] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Remove rows for good: their fields, documents and values, their views, and, with the last row of a
    group, its models. Blobs stay where they are. All of the rows are removed, or none."""
    opened, keys = open_app(), tuple(dict.fromkeys(form_types))
    with reading(opened.database) as connection:
        _require(connection, keys)
        documents = sum(table.documents_of(connection, key) for key in keys)
    if not yes and not typer.confirm(f"Remove {', '.join(keys)} and {documents} documents for good?"):
        raise typer.Exit(Exit.USAGE)
    with opened.database.begin() as connection:
        gone = {key: table.purge(connection, key, datetime.now(UTC)) for key in keys}
    if output is Output.JSON:
        print_json({"purged": [{"form_type": key, **asdict(each)} for key, each in gone.items()]})
        return
    for key, each in gone.items():
        out.print(f"{key} is removed, with {each.documents} documents and {each.model_versions} models")


def _apply(declared: Declared, output: Output, *, dry_run: bool, only_new: bool = False) -> None:
    """Change the table as far as there is no fault, and say what was changed."""
    opened = open_app()
    with opened.database.begin() as connection:
        if only_new:
            _refuse_existing(connection, declared)
        planned = _plan(connection, opened, declared)
        if not dry_run:
            table.save(connection, planned.form_types)
    if output is Output.JSON:
        faults = [asdict(fault) for fault in planned.faults]
        changes = [asdict(change) for change in planned.changes]
        print_json({"changes": changes, "faults": faults, "dry_run": dry_run})
    else:
        print_changes(planned, dry_run)
    if planned.faults:
        raise typer.Exit(Exit.ATTENTION)


def _switch(form_types: Sequence[str], enabled: bool) -> None:
    opened, keys = open_app(), tuple(dict.fromkeys(form_types))
    with opened.database.begin() as connection:
        _require(connection, keys)
        table.set_enabled(connection, keys, enabled)
    out.print(f"{', '.join(keys)}: {'enabled' if enabled else 'disabled'}")


def _plan(connection: Connection, opened: App, declared: Declared) -> Changes:
    rows, fields = table.read_rows(connection), table.read_fields(connection)
    return plan_changes(rows, fields, declared, lambda r, f: validate(r, f, opened.services, _today()))


def _load(connection: Connection, opened: App) -> Validated:
    return table.load(connection, opened.services, _today())


def _today() -> date:
    return datetime.now(UTC).date()


def _require(connection: Connection, keys: Sequence[str]) -> Mapping[str, Mapping[str, object]]:
    """The rows of these keys; a key that is not there ends the command."""
    rows = {str(row["form_type"]): row for row in table.read_rows(connection)}
    for key in keys:
        if key not in rows:
            hint = did_you_mean(key, tuple(rows)) or "`formpipe params list` shows them"
            raise typer.BadParameter(f"there is no form type {shown(key)!r}: {hint}")
    return rows


def _require_places(row: Mapping[str, object]) -> None:
    """Where training forms and backlog lie has no default; an empty folder is the whole container."""
    missing = dict.fromkeys(option for column, option in _PLACES.items() if row[column] is None)
    if missing:
        names = " and ".join(missing)
        err.print(f"{names} {'is' if len(missing) == 1 else 'are'} missing: `formpipe params add --help`")
        raise typer.Exit(Exit.USAGE)


def _refuse_existing(connection: Connection, declared: Declared) -> None:
    there = {str(row["form_type"]) for row in table.read_rows(connection)}
    for row in declared.rows:
        if row_key(row) in there:
            raise typer.BadParameter(
                f"{row_key(row)} is there already: --replace overwrites all of it; to change some cells, "
                "use an UPDATE, or `params export`, edit, `params apply`"
            )


def _read(file: Path) -> Declared:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise typer.BadParameter(f"{file} cannot be read: {problem}") from None
    return read_declarations(text)


def _pairs(cells: Sequence[str]) -> dict[str, str]:
    pairs = [cell.partition("=") for cell in cells]
    for column, sign, _ in pairs:
        if not sign:
            raise typer.BadParameter(f"--set {shown(column)!r}: write COLUMN=VALUE")
    return {column.strip().lower(): value for column, _, value in pairs}


def _field(text: str) -> dict[str, object]:
    name, _, kind = text.partition(":")
    return {"field": name, "type": kind}


def _with_fields(rows: Sequence[Raw], fields: Sequence[Raw]) -> list[Raw]:
    """Rows that are exported as they stand, with their fields as they stand."""
    own = [[f for f in fields if f["form_type"] == row["form_type"]] for row in rows]
    without = [[{c: v for c, v in f.items() if c != "form_type"} for f in each] for each in own]
    return [{**row, "fields": each} if each else row for row, each in zip(rows, without, strict=True)]
