"""Fixtures shared by every suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from pipeline.db import schema
from pipeline.db.connection import open_database

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared_forms() -> Path:
    """Real forms that are kept beside the project, not in it."""
    folder = ROOT.parent / "shared" / "forms"
    if not folder.is_dir():
        pytest.skip("the real forms (../shared/forms) are not on this machine")
    return folder


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Engine]:
    """An empty SQLite database with the newest schema."""
    engine = open_database(f"sqlite:///{tmp_path / 'formpipe.db'}")
    schema.upgrade(engine)
    yield engine
    engine.dispose()
