"""The files of `sql/` that are rendered: `python -m pipeline.db.sql_files sql` writes them (`make sql`)."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from sqlalchemy import Dialect
from sqlalchemy.dialects import mssql, postgresql, sqlite

from pipeline.db.schema import render_sql
from pipeline.db.views import definition
from pipeline.types import FieldSpec

_KINDS: Mapping[str, Callable[..., Dialect]] = {
    "sqlite": sqlite.dialect,
    "postgresql": postgresql.dialect,
    "mssql": mssql.dialect,
}
DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {name: dialect(paramstyle="named") for name, dialect in _KINDS.items()}  # else some double every %
)

SAMPLE_FORM_TYPE = "sample_order"
SAMPLE_FIELDS = (
    FieldSpec("Order Number"),
    FieldSpec("Order Date", "date", "mdy", column="order_date"),
    FieldSpec("Order Time", "time"),
    FieldSpec("Quantity", "integer"),
    FieldSpec("Total", "currency"),
    FieldSpec("Signed", "selectionMark"),
)
"""A field of each kind, of the form type in sample_form_types.sql that has a field there."""

_CLAUSES = {"postgresql": "CREATE OR REPLACE VIEW", "mssql": "CREATE OR ALTER VIEW"}
_HEAD = """\
-- What a typed view is: one row per document, one typed column per field, a person's value before the
-- model's. Rendered for the sample form type; each form type's own is made, and kept up to date, by
-- `formpipe run`, which knows by the JSON in it which field a column stands for.

"""
_BEFORE = {
    "sqlite": f"DROP VIEW IF EXISTS forms_{SAMPLE_FORM_TYPE};\n\n",
    "postgresql": "CREATE SCHEMA IF NOT EXISTS forms;\n\n",
    "mssql": "IF SCHEMA_ID('forms') IS NULL EXEC('CREATE SCHEMA forms');\n\nGO\n\n",
}


def rendered_files(dialect: str) -> dict[str, str]:
    """The rendered files of a dialect by name, for a DBA to read and run."""
    return {"schema.sql": render_sql(dialect), "typed_view.sql": render_typed_view(dialect)}


def render_typed_view(dialect: str) -> str:
    """The view of the sample form type, as the program makes it."""
    made = definition(SAMPLE_FORM_TYPE, SAMPLE_FIELDS, DIALECTS[dialect])
    statement = made.replace("CREATE VIEW", _CLAUSES.get(dialect, "CREATE VIEW"), 1)
    return f"{_HEAD}{_BEFORE[dialect]}{_in_lines(statement)};\n{_after(dialect, made)}"


def _in_lines(statement: str) -> str:
    """The statement with a line for each column and table."""
    broken = re.sub(r"( AS \w+), ", r"\1,\n    ", statement).replace(" */ SELECT ", " */\nSELECT\n    ")
    broken = re.sub(r" (LEFT OUTER JOIN|GROUP BY) ", r"\n\1 ", broken)
    return "\n".join(line.rstrip() for line in broken.splitlines())


def _after(dialect: str, made: str) -> str:
    """PostgreSQL keeps no comment that stands in a definition: there it is the comment of the view."""
    stamp = made.partition("/* ")[2].partition(" */")[0]
    comment = f"\nCOMMENT ON VIEW forms.{SAMPLE_FORM_TYPE} IS '{stamp}';\n"
    return {"postgresql": comment, "mssql": "\nGO\n"}.get(dialect, "")


def write(folder: Path) -> None:
    """Write every rendered file below `folder`."""
    for dialect in DIALECTS:
        for name, text in rendered_files(dialect).items():
            (folder / dialect / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
