"""Where a database is, as it may be shown: never its password, never a connection string as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_plus

from sqlalchemy import URL


@dataclass(frozen=True, slots=True)
class Place:
    """`host` is empty for a file."""

    dialect: str
    database: str
    host: str = ""

    def __str__(self) -> str:
        return f"{self.dialect}: {self.database or '(default)'}" + (f" on {self.host}" if self.host else "")


def locate(url: URL) -> Place:
    """The parts of a database URL that name a place. Only known parts are taken: anything else may hold a
    secret."""
    dialect = url.get_backend_name()
    if dialect == "sqlite":
        return Place(dialect, _file(url.database))
    odbc = _odbc(url)
    host = url.host or _first(url.query.get("host")) or odbc.get("server") or odbc.get("address") or ""
    port = f":{url.port}" if url.port and url.host else ""
    return Place(dialect, url.database or odbc.get("database") or "", f"{host}{port}")


def _file(database: str | None) -> str:
    if not database or database == ":memory:" or database.startswith("file:"):
        return "(in memory)" if database in (None, "", ":memory:") else "(by URI)"
    return str(Path(database).resolve())


def _odbc(url: URL) -> dict[str, str]:
    """The pairs of an ODBC connection string that a URL carries (`odbc_connect`), keys in lower case."""
    text = unquote_plus(_first(url.query.get("odbc_connect")))
    pairs = (pair.partition("=") for pair in text.split(";"))
    return {key.strip().lower(): value.strip().strip("{}") for key, _, value in pairs}


def _first(value: str | tuple[str, ...] | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else value[0]
