"""Projects of the acceptance tests are attacked here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from pipeline.db import schema
from pipeline.db.connection import open_database
from tests.acceptance.conftest import project

__all__ = ["project"]


@pytest.fixture
def second_database(tmp_path: Path) -> Iterator[Engine]:
    """A second database beside `database`."""
    engine = open_database(f"sqlite:///{tmp_path / 'second.db'}")
    schema.upgrade(engine)
    yield engine
    engine.dispose()
