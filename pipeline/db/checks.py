"""Rules that a database keeps by itself: checks, in what each dialect can say.

A check holds where it is true or unknown, so that NULL passes unless it is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Boolean, CheckConstraint, Column, Integer, Unicode
from sqlalchemy.types import TypeDecorator

from pipeline.services import Service


def one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({_quoted(values)})", name=column)


def at_least(column: str, least: int) -> CheckConstraint:
    return CheckConstraint(f"{column} IS NULL OR {column} >= {least}", name=column)


def between(column: str, least: int, most: int) -> CheckConstraint:
    return CheckConstraint(f"{column} >= {least} AND {column} <= {most}", name=column)


def share(column: str) -> CheckConstraint:
    return CheckConstraint(f"{column} IS NULL OR ({column} >= 0 AND {column} <= 1)", name=column)


def not_blank(column: str) -> CheckConstraint:
    return CheckConstraint(f"{column} IS NULL OR ltrim({column}) <> ''", name=column)


def amount(column: str) -> list[CheckConstraint]:
    """An exact decimal from 0 on. SQLite keeps it as text, and text is more than any number; PostgreSQL
    knows NaN, which is more than any number too."""
    digits = f"{column} GLOB '*[0-9]*' AND {column} NOT GLOB '*[^0-9.]*' AND {column} NOT GLOB '*.*.*'"
    number = f"{column} IS NULL OR {column} >= 0"
    return spelled(
        column,
        sqlite=f"{column} IS NULL OR ({digits})",
        postgresql=f"{column} IS NULL OR ({column} >= 0 AND {column} <> 'NaN')",
        mssql=number,
    )


def container_name(column: str) -> list[CheckConstraint]:
    """3 to 63 characters, the limits of Azure Blob Storage (Naming and referencing containers)."""
    rule = f"length(trim({column})) BETWEEN 3 AND 63"
    return spelled(column, sqlite=rule, postgresql=rule, mssql=rule.replace("length", "len"))


def only_where(flag: str, column: str, value: str) -> list[CheckConstraint]:
    """A truth value that may be set only where `column` is `value`."""
    number = f"{flag} = 0 OR {column} = '{value}'"
    return spelled(flag, sqlite=number, postgresql=f"{flag} = false OR {column} = '{value}'", mssql=number)


def versions(services: Mapping[str, Service]) -> CheckConstraint:
    """Engine and API version go together: empty where an engine has none, else one of its own."""
    pairs = [f"(engine = '{name}' AND {_version_of(service)})" for name, service in services.items()]
    return CheckConstraint(" OR ".join(pairs), name="api_version")


def _version_of(service: Service) -> str:
    if not service.versions:
        return "(api_version IS NULL OR api_version = '')"
    return f"api_version IS NOT NULL AND api_version IN ({_quoted(service.versions)})"


def key_shape(column: str) -> list[CheckConstraint]:
    """`[a-z][a-z0-9_]{0,39}` without a double underscore."""
    sqlite = (
        f"{column} GLOB '[a-z]*' AND {column} NOT GLOB '*[^a-z0-9_]*' "
        f"AND {column} NOT GLOB '*__*' AND length({column}) <= 40"
    )
    postgresql = f"{column} ~ '^[a-z][a-z0-9_]{{0,39}}$' AND {column} NOT LIKE '%\\_\\_%'"
    mssql = (
        f"{column} COLLATE Latin1_General_BIN2 LIKE '[a-z]%' AND {column} COLLATE Latin1_General_BIN2 "
        f"NOT LIKE '%[^a-z0-9_]%' AND {column} NOT LIKE '%[_][_]%'"
    )
    shapes = {"sqlite": sqlite, "postgresql": postgresql, "mssql": mssql}
    return [
        CheckConstraint(rule, name=f"{column}_{dialect}").ddl_if(dialect=dialect)
        for dialect, rule in shapes.items()
    ]


def cells_of_sqlite(columns: Iterable[Column[object]]) -> list[CheckConstraint]:
    """What the other dialects refuse by the types of the columns: SQLite takes any value anywhere."""
    kept = list(columns)
    rules = {
        "whole_numbers": [_whole(each) for each in kept if isinstance(each.type, Integer)],
        "flags": [f"{each.name} IN (0, 1)" for each in kept if isinstance(each.type, Boolean)],
        "lengths": [f"length({each.name}) <= {length}" for each in kept if (length := _length(each))],
    }
    return [
        CheckConstraint(" AND ".join(rule), name=f"{name}_sqlite").ddl_if(dialect="sqlite")
        for name, rule in rules.items()
        if rule
    ]


def _whole(column: Column[object]) -> str:
    may_be_null = f"{column.name} IS NULL OR " if column.nullable else ""
    rule = f"{may_be_null}typeof({column.name}) = 'integer'"
    return f"({rule})" if column.nullable else rule


def _length(column: Column[object]) -> int | None:
    kind = column.type.impl if isinstance(column.type, TypeDecorator) else column.type
    return kind.length if isinstance(kind, Unicode) else None


def spelled(name: str, *, sqlite: str, postgresql: str, mssql: str) -> list[CheckConstraint]:
    """One rule by one name, in the words of each dialect."""
    rules = {"sqlite": sqlite, "postgresql": postgresql, "mssql": mssql}
    return [CheckConstraint(rule, name=name).ddl_if(dialect=dialect) for dialect, rule in rules.items()]


def _quoted(values: Iterable[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)
