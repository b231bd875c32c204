from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert
from typer.testing import CliRunner, Result

from pipeline.cli.main import app
from pipeline.db.tables import form_type

Run = Callable[..., Result]


@pytest.fixture
def run(database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command against an empty database and the storage folder `tmp_path/data`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORMPIPE_DATABASE_URL", str(database.url))
    monkeypatch.setenv("FORMPIPE_STORAGE_ROOT", str(tmp_path / "data"))
    (tmp_path / "data" / "lake" / "train").mkdir(parents=True)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    return invoke


def add_row(database: Engine, name: str, **cells: object) -> None:
    """Insert a parameter row that trains from lake/train/."""
    with database.begin() as connection:
        connection.execute(
            insert(form_type).values(
                form_type=name,
                training_container_name="lake",
                training_blob_root_folder="train/",
                scoring_container_name="lake",
                scoring_input_blob_folder="backlog/",
                **cells,
            )
        )


@pytest.fixture
def row(database: Engine) -> Callable[..., None]:
    """Adds parameter rows."""

    def add(name: str, **cells: object) -> None:
        add_row(database, name, **cells)

    return add
