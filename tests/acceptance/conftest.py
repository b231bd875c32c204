"""A project folder as a user has one, driven by the command line in processes of its own."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.demo import write_lake

COMMAND = [sys.executable, "-m", "pipeline.cli.main"]
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Answer:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Project:
    """A folder with settings, database and containers."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def environment(self, **settings: object) -> dict[str, str]:
        names = {f"FORMPIPE_{name.upper()}": str(value) for name, value in settings.items()}
        return {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **names}

    def start(self, *arguments: str, **settings: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=self.environment(**settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def formpipe(self, *arguments: str, expect: int | None = 0, **settings: object) -> Answer:
        process = self.start(*arguments, **settings)
        try:
            out, err = process.communicate(timeout=600)
        finally:
            process.kill()
        answer = Answer(process.returncode, out, err)
        assert expect is None or answer.code == expect, answer
        return answer

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.folder / "formpipe.db")
        try:
            with connection:
                return connection.execute(query).fetchall()
        finally:
            connection.close()

    def add_row(self, form_type: str, training: str, backlog: str, **columns: object) -> None:
        cells = {
            "form_type": form_type,
            "training_container_name": "forms",
            "training_blob_root_folder": training,
            "scoring_container_name": "forms",
            "scoring_input_blob_folder": backlog,
            **columns,
        }
        shown = ", ".join("NULL" if cell is None else repr(cell) for cell in cells.values())
        self.sql(f"INSERT INTO form_type ({', '.join(cells)}) VALUES ({shown})")

    def rows(self) -> list[tuple[Any, ...]]:
        """What a run is for: every document with its outcome and values, in a fixed order."""
        return self.sql(
            "SELECT d.form_type, d.path, d.outcome, d.reason, d.pages, v.field, v.occurrence, v.source,"
            " v.text, v.value_text, v.value_number, v.value_date, v.value_mark,"
            " round(v.confidence, 4), v.review"
            " FROM document d LEFT JOIN part p ON p.document_id = d.id"
            " LEFT JOIN field_value v ON v.part_id = p.id ORDER BY 1, 2, 6, 7, 8"
        )

    def copy(self, folder: Path) -> Project:
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return Project(folder)


def new_project(folder: Path) -> Project:
    project = Project(folder)
    project.formpipe("init")
    return project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project."""
    return new_project(tmp_path)


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small demo lake: the container `forms` and `truth.jsonl`."""
    root = tmp_path_factory.mktemp("lake")
    write_lake(root, seed=3, training=6, backlog=8)
    return root


@pytest.fixture(scope="session")
def trained_once(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a model for purchase invoices and an empty backlog; copied by those who use it."""
    project = new_project(tmp_path_factory.mktemp("trained"))
    training = "purchase_invoice/training"
    shutil.copytree(lake / "forms" / training, project.data / "forms" / training)
    (project.data / "forms" / "backlog").mkdir()
    project.add_row("purchase_invoice", training, "backlog", locale="en-US")
    project.formpipe("run")
    return project


@pytest.fixture
def trained(trained_once: Project, tmp_path: Path) -> Project:
    """A project of one's own with a trained model."""
    return trained_once.copy(tmp_path)
