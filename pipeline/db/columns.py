"""Column types that mean the same on every dialect."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, Numeric, Text, Unicode
from sqlalchemy.dialects.mssql import DATETIME2
from sqlalchemy.types import TypeDecorator, TypeEngine

Key = BigInteger().with_variant(Integer, "sqlite")
"""A surrogate key: SQLite counts up only for INTEGER."""

_COLLATIONS = {"mssql": "Latin1_General_BIN2", "postgresql": "C", "sqlite": "BINARY"}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        kind: TypeEngine[Any] = DATETIME2(6) if dialect.name == "mssql" else DateTime()  # type: ignore[no-untyped-call]
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class ExactDecimal(TypeDecorator[Decimal]):
    """A decimal without rounding: text on SQLite, which only has floats, NUMERIC(38, 10) elsewhere."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        kind: TypeEngine[Any] = Text() if dialect.name == "sqlite" else Numeric(38, 10)
        return dialect.type_descriptor(kind)

    def bind_processor(self, dialect: Dialect) -> Callable[[Decimal | None], Any] | None:
        """None where the driver takes decimals as they are: a million rows notice."""
        return super().bind_processor(dialect) if dialect.name == "sqlite" else None

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Decimal | str | None:
        if value is None or dialect.name != "sqlite":
            return value
        return format(value, "f")

    def process_result_value(self, value: object, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(str(value))


class ExactText(TypeDecorator[str]):
    """Text compared byte by byte on every dialect: blob paths differ by case alone."""

    impl = Unicode
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        kind: TypeEngine[Any] = Unicode(self.length, collation=_COLLATIONS.get(dialect.name))
        return dialect.type_descriptor(kind)
