"""What the emulator remembers: models and jobs as JSON in SQLite, bytes as files. Survives a restart."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

from pipeline.remote import Analysis, OperationKind, ServiceFault, ServiceModel

ModelShape = Literal["labelled", "unlabelled", "composed", "classifier", "reserved"]
JobState = Literal["notStarted", "running", "succeeded", "failed"]


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model of a resource. `family`: the API family that made it. `details`: what its family keeps beside.
    `bundles`: by the id of each model that is in it (its own, or its components'), the name of the bytes: one
    for each training, as two resources may choose one id, and an id may be trained anew."""

    resource: str
    shape: ModelShape
    family: str
    model: ServiceModel
    details: dict[str, Any] = field(default_factory=dict)
    bundles: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A long-running operation. `details` is what its family needs to tell its result."""

    id: str
    resource: str
    kind: OperationKind
    family: str
    state: JobState
    created: datetime
    updated: datetime
    model_id: str = ""
    fault: ServiceFault | None = None
    details: dict[str, Any] = field(default_factory=dict)


_MODEL: TypeAdapter[StoredModel] = TypeAdapter(StoredModel)
_JOB: TypeAdapter[StoredJob] = TypeAdapter(StoredJob)
_ANALYSIS: TypeAdapter[Analysis] = TypeAdapter(Analysis)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS model (
  resource TEXT NOT NULL, id TEXT NOT NULL, position INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL,
  UNIQUE (resource, id));
CREATE TABLE IF NOT EXISTS job (id TEXT PRIMARY KEY, position INTEGER, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS result (id TEXT PRIMARY KEY, body TEXT NOT NULL);
"""


class Store:
    """One connection, one writer at a time; calls are short."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        for name in ("bundles", "inputs"):
            (folder / name).mkdir(exist_ok=True)
        self._lock = threading.Lock()
        self._database = sqlite3.connect(folder / "emulator.db", check_same_thread=False)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(_SCHEMA)

    # --- models -------------------------------------------------------------------------------------

    def put_model(self, stored: StoredModel) -> None:
        body = _MODEL.dump_json(stored).decode()
        with self._writing() as database:
            database.execute(
                "INSERT INTO model (resource, id, body) VALUES (?, ?, ?) "
                "ON CONFLICT (resource, id) DO UPDATE SET body = excluded.body",
                (stored.resource, stored.model.model_id, body),
            )

    def model(self, resource: str, model_id: str) -> StoredModel | None:
        query = "SELECT body FROM model WHERE resource = ? AND lower(id) = lower(?)"
        row = self._one(query, (resource, model_id))
        return None if row is None else _MODEL.validate_json(row)

    def models(self, resource: str) -> list[StoredModel]:
        rows = self._all("SELECT body FROM model WHERE resource = ? ORDER BY position", (resource,))
        return [_MODEL.validate_json(row) for row in rows]

    def delete_model(self, resource: str, model_id: str) -> bool:
        with self._writing() as database:
            query = "DELETE FROM model WHERE resource = ? AND lower(id) = lower(?)"
            return database.execute(query, (resource, model_id)).rowcount > 0

    def bundle(self, name: str) -> Path:
        """Where the bytes of a trained model lie."""
        return self.folder / "bundles" / name

    # --- jobs ---------------------------------------------------------------------------------------

    def put_job(self, job: StoredJob) -> None:
        with self._writing() as database:
            database.execute(
                "INSERT INTO job (id, position, body) VALUES (?, (SELECT count(*) FROM job), ?) "
                "ON CONFLICT (id) DO UPDATE SET body = excluded.body",
                (job.id, _JOB.dump_json(job).decode()),
            )

    def job(self, job_id: str) -> StoredJob | None:
        row = self._one("SELECT body FROM job WHERE id = lower(?)", (job_id,))
        return None if row is None else _JOB.validate_json(row)

    def jobs(self) -> list[StoredJob]:
        return [_JOB.validate_json(row) for row in self._all("SELECT body FROM job ORDER BY position", ())]

    def delete_job(self, job_id: str) -> bool:
        with self._writing() as database:
            database.execute("DELETE FROM result WHERE id = ?", (job_id,))
            return database.execute("DELETE FROM job WHERE id = ?", (job_id,)).rowcount > 0

    def put_result(self, job_id: str, analysis: Analysis) -> None:
        with self._writing() as database:
            body = _ANALYSIS.dump_json(analysis).decode()
            database.execute("INSERT OR REPLACE INTO result VALUES (?, ?)", (job_id, body))

    def result(self, job_id: str) -> Analysis | None:
        row = self._one("SELECT body FROM result WHERE id = ?", (job_id,))
        return None if row is None else _ANALYSIS.validate_json(row)

    def input(self, job_id: str) -> Path:
        """Where the bytes of a document lie until it is read."""
        return self.folder / "inputs" / job_id

    # --- statements ---------------------------------------------------------------------------------

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._database:
            yield self._database

    def _one(self, query: str, values: tuple[object, ...]) -> str | None:
        with self._lock:
            row = self._database.execute(query, values).fetchone()
        return None if row is None else str(row[0])

    def _all(self, query: str, values: tuple[object, ...]) -> list[str]:
        with self._lock:
            return [str(row[0]) for row in self._database.execute(query, values)]
