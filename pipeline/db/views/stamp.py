"""What a view says about itself: its columns, the fields they stand for, and what it was made of.

On PostgreSQL that is the comment on the view; elsewhere a comment inside its definition.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection, Dialect, Select, text

from pipeline.db.views.columns import ViewColumn
from pipeline.db.views.names import bare_name, quoted

_STAMP = re.compile(r"\{.*\}", re.DOTALL)
_DEFINITIONS = {
    "sqlite": "SELECT sql FROM sqlite_master WHERE type = 'view' AND name = :name",
    "postgresql": "SELECT obj_description(to_regclass(:name), 'pg_class')",
    "mssql": "SELECT OBJECT_DEFINITION(OBJECT_ID(:name))",
}


@dataclass(frozen=True, slots=True)
class Stamp:
    """`digest`: the hash of the SELECT. `tables`: the view of each table of line items."""

    columns: tuple[ViewColumn, ...] = ()
    digest: str = ""
    tables: dict[str, str] = field(default_factory=dict)

    @property
    def there(self) -> bool:
        return bool(self.digest)


def read_stamp(connection: Connection, view: str) -> Stamp:
    """The stamp of a view, an empty one where there is no such view."""
    dialect = connection.dialect
    name = bare_name(view, dialect.name) if dialect.name == "sqlite" else quoted(view, dialect)
    found = connection.scalar(text(_DEFINITIONS[dialect.name]), {"name": name})
    match = _STAMP.search((found or "").partition("*/")[0])
    if match is None:
        return Stamp()
    raw = json.loads(match.group())
    columns = tuple(ViewColumn(**column) for column in raw["columns"])
    return Stamp(columns, raw["digest"], raw.get("tables", {}))


def write_stamp(stamp: Stamp) -> str:
    """JSON that can stand in a comment or a literal of any dialect, whatever fields are called."""
    safe = json.dumps(
        {"columns": [asdict(c) for c in stamp.columns], "digest": stamp.digest, "tables": stamp.tables}
    )
    for character in "*/'%?":
        safe = safe.replace(character, f"\\u{ord(character):04x}")
    return safe


def digest(query: Select[Any], dialect: Dialect) -> str:
    """A hash of the statement as this dialect runs it."""
    compiled = query.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    return hashlib.sha256(str(compiled).encode()).hexdigest()[:16]
