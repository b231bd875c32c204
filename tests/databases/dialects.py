"""A fresh database of a dialect: a file, a database of the test server, or the SQL Server that was named."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine

from pipeline.db import schema
from pipeline.db.connection import open_database

MSSQL_URL = "FORMPIPE_TEST_MSSQL_URL"


@contextmanager
def empty_database(request: pytest.FixtureRequest, folder: Path) -> Iterator[Engine]:
    """`request.param` is the dialect. The SQL Server database is emptied before and after."""
    if request.param == "sqlite":
        with _opened(f"sqlite:///{folder / 'formpipe.db'}") as engine:
            schema.upgrade(engine)
            yield engine
    elif request.param == "postgresql":
        server = request.getfixturevalue("postgresql")
        url = server.create()
        with _opened(url) as engine:
            yield engine
        server.drop(url)
    else:
        url = os.environ.get(MSSQL_URL)
        if not url:
            pytest.skip(f"no SQL Server: set {MSSQL_URL} to an empty database of it")
        with _opened(url) as engine:
            schema.downgrade(engine, "base")
            schema.upgrade(engine)
            yield engine
            schema.downgrade(engine, "base")


@contextmanager
def _opened(url: str) -> Iterator[Engine]:
    engine = open_database(url)
    try:
        yield engine
    finally:
        engine.dispose()
