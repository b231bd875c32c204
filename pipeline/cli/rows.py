"""`formpipe rows`: the values of a form type, as the typed view shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

import typer
from sqlalchemy import Engine, Select, inspect, literal_column, select, table

from pipeline.cli.console import out
from pipeline.cli.tables import Output, OutputOption, print_json, print_table
from pipeline.db.connection import reading
from pipeline.db.views import view_name
from pipeline.errors import RunError
from pipeline.wiring import open_app

_PLUMBING = ("document_id", "path", "outcome", "pages", "model_version", "scored_at", "review")
_SHOWN_COLUMNS = 7


def rows(
    form_type: Annotated[str, typer.Argument(help="A form type.", show_default=False)],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many documents.")] = 10,
    output: OutputOption = Output.TEXT,
) -> None:
    """The extracted values, one row per document, as its view in the database has them."""
    found = read_view(open_app().database, form_type, limit)
    if output is Output.JSON:
        print_json(found.records())
    else:
        found.print()


@dataclass(frozen=True, slots=True)
class ViewRows:
    """Some rows of a typed view."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]

    def records(self) -> list[dict[str, Any]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def print(self) -> None:
        """The file's name and the first fields; how many columns are not shown is said."""
        fields = [column for column in self.columns if column not in _PLUMBING]
        shown = fields[:_SHOWN_COLUMNS]
        cells = [
            [record["path"].rsplit("/", 1)[-1], *(record[column] for column in shown)]
            for record in self.records()
        ]
        print_table(["document", *shown], cells, whole=1)
        if len(fields) > len(shown):
            out.print(f"... and {len(fields) - len(shown)} more columns", style="dim")


def read_view(database: Engine, form_type: str, limit: int) -> ViewRows:
    """The first rows of a form type's view. Raises RunError (`no-rows-yet`) where there is none."""
    name = view_name(form_type, database.dialect.name)
    schema, _, view = name.rpartition(".")
    if view not in inspect(database).get_view_names(schema or None):
        raise RunError(
            f"{form_type} has no rows yet (see `formpipe status`): `formpipe run` makes them",
            reason="no-rows-yet",
        )
    source = table(view, schema=schema or None)
    everything: Select[Any] = select(literal_column("*")).select_from(source)
    query = everything.order_by(literal_column("path")).limit(limit)
    with reading(database) as connection:
        found = connection.execute(query)
        columns = tuple(found.keys())
        return ViewRows(columns, [tuple(map(told, columns, row)) for row in found])


def told(column: str, value: Any) -> Any:
    """A cell alike on every dialect: SQLite has no type for flags and decimals, others pad the latter."""
    if column == "review" and value is not None:
        return bool(value)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value
