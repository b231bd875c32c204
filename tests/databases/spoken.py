"""What a program says to its database, and whether SQL Server would understand it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ClauseElement, Engine, event
from sqlalchemy.dialects import mssql, sqlite
from sqlalchemy.exc import CompileError
from sqlalchemy.sql.ddl import DDLElement
from sqlalchemy.sql.elements import TextClause

from tests.databases.tsql import tsql_faults, with_parameters

FUNCTIONS = {
    "abs", "avg", "cast", "coalesce", "concat", "convert", "count", "len", "lower", "ltrim", "max", "min",
    "nullif", "replace", "row_number", "rtrim", "sum", "substring", "trim", "upper",
}  # fmt: skip
"""Those of SQL Server that are used; another one is looked up there before it is added."""
_NO_FUNCTIONS = {
    "all", "and", "any", "as", "by", "case", "decimal", "else", "exists", "float", "from", "having", "in",
    "into", "join", "not", "numeric", "nvarchar", "on", "or", "output", "over", "select", "set", "then",
    "top", "values", "varchar", "when", "where", "with",
}  # fmt: skip
_CALL = re.compile(r"\bINTO\s+\w+\s*\(|(?<![\w.\[@])([A-Za-z_]+)\s*\(")
_TEXTS = re.compile(r"N?'(?:[^']|'')*' | \[(?:[^\]]|\]\])*\]", re.VERBOSE)


@dataclass
class Spoken:
    """Statements of the query language, once each as SQL Server gets them, those that are SQLite's own, and
    those written as text."""

    compiled: set[str] = field(default_factory=set)
    own: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)

    def add(self, statement: Any, parameters: Any) -> None:
        if isinstance(statement, TextClause):
            self.texts.add(str(statement))
        elif isinstance(statement, ClauseElement) and not isinstance(statement, DDLElement):
            try:
                self.compiled.add(for_sql_server(statement, parameters))
            except CompileError:
                self.own.add(str(statement.compile(dialect=sqlite.dialect())))


def for_sql_server(statement: ClauseElement, parameters: Any = ()) -> str:
    """The statement as SQL Server's dialect writes it. `parameters`: rows of an INSERT or UPDATE."""
    first = parameters[0] if isinstance(parameters, list | tuple) and parameters else parameters
    keys = list(first) if isinstance(first, dict) and first else None
    return str(statement.compile(dialect=mssql.dialect(), column_keys=keys))


@contextmanager
def listening(spoken: Spoken) -> Iterator[None]:
    """Everything that this process says to SQLite meanwhile, whose statements are those of no dialect."""

    def hear(connection: Any, statement: Any, many: Any, one: Any, _options: Any) -> None:
        if connection.dialect.name == "sqlite":
            spoken.add(statement, many or one)

    event.listen(Engine, "before_execute", hear)
    try:
        yield
    finally:
        event.remove(Engine, "before_execute", hear)


def faults(statement: str) -> list[str]:
    """What a T-SQL parser says against a statement, and functions that SQL Server may not have."""
    called = {name.lower() for name in _CALL.findall(_TEXTS.sub("''", with_parameters(statement)))}
    unknown = sorted(called - FUNCTIONS - _NO_FUNCTIONS - {""})
    return [*tsql_faults(statement), *(f"not a known function: {name}" for name in unknown)]
