"""What the emulator remembers: models and jobs as JSON in SQLite, bytes as files. Survives a restart, and
belongs to one emulator at a time."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

from pipeline.errors import RunError
from pipeline.remote import Analysis, OperationKind, ServiceFault, ServiceModel

ModelShape = Literal["labelled", "unlabelled", "composed", "classifier", "reserved"]
JobState = Literal["notStarted", "running", "succeeded", "failed"]
JobKind = OperationKind | Literal["import", "deploy", "swap", "delete"]
"""Kinds of operations, and of those that only projects of texts have."""


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
    kind: JobKind
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
CREATE TABLE IF NOT EXISTS record (
  kind TEXT NOT NULL, resource TEXT NOT NULL, id TEXT NOT NULL, position INTEGER PRIMARY KEY AUTOINCREMENT,
  body TEXT NOT NULL, UNIQUE (kind, resource, id));
CREATE TABLE IF NOT EXISTS leave (
  token_hash TEXT PRIMARY KEY, resource TEXT NOT NULL, model TEXT NOT NULL, until TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS accepted (
  kind TEXT NOT NULL, model TEXT NOT NULL, times INTEGER NOT NULL, PRIMARY KEY (kind, model));
"""
_BUSY_SECONDS = 2.0


class Store:
    """One connection, one writer at a time; calls are short."""

    def __init__(self, folder: Path) -> None:
        """Raises RunError (`state-in-use`, `state-unusable`)."""
        self.folder = folder
        self._lock = threading.Lock()
        try:
            for name in ("bundles", "inputs"):
                (folder / name).mkdir(parents=True, exist_ok=True)
            self._database = _opened(folder / "emulator.db")
        except (OSError, sqlite3.DatabaseError) as error:
            raise _refusal(folder, error) from None

    def close(self) -> None:
        """Let go of the folder; every later call fails."""
        with self._lock:
            self._database.close()

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
                "INSERT INTO job (id, body) VALUES (?, ?) "
                "ON CONFLICT (id) DO UPDATE SET body = excluded.body",
                (job.id, _JOB.dump_json(job).decode()),
            )

    def job(self, job_id: str) -> StoredJob | None:
        row = self._one("SELECT body FROM job WHERE id = lower(?)", (job_id,))
        return None if row is None else _JOB.validate_json(row)

    def jobs(self) -> list[StoredJob]:
        return [_JOB.validate_json(row) for row in self._all("SELECT body FROM job ORDER BY rowid", ())]

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

    # --- records of a family ------------------------------------------------------------------------

    def put_record(self, kind: str, resource: str, record_id: str, body: str) -> None:
        """Keep what a family knows beside models. Ids keep their case."""
        with self._writing() as database:
            database.execute(
                "INSERT INTO record (kind, resource, id, body) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (kind, resource, id) DO UPDATE SET body = excluded.body",
                (kind, resource, record_id, body),
            )

    def record(self, kind: str, resource: str, record_id: str) -> str | None:
        query = "SELECT body FROM record WHERE kind = ? AND resource = ? AND id = ?"
        return self._one(query, (kind, resource, record_id))

    def records(self, kind: str, resource: str) -> list[str]:
        query = "SELECT body FROM record WHERE kind = ? AND resource = ? ORDER BY position"
        return self._all(query, (kind, resource))

    def delete_record(self, kind: str, resource: str, record_id: str) -> bool:
        with self._writing() as database:
            query = "DELETE FROM record WHERE kind = ? AND resource = ? AND id = ?"
            return database.execute(query, (kind, resource, record_id)).rowcount > 0

    # --- leave to copy ------------------------------------------------------------------------------

    def put_leave(self, token: str, resource: str, model_id: str, until: datetime) -> None:
        """Of the token only its hash is kept."""
        values = (_hash(token), resource, model_id, until.isoformat())
        with self._writing() as database:
            database.execute("INSERT INTO leave VALUES (?, ?, ?, ?)", values)

    def take_leave(self, token: str, now: datetime) -> tuple[str, str] | None:
        """Resource and model id that a token leads to; it is good once, and until its end."""
        with self._writing() as database:
            query = "DELETE FROM leave WHERE token_hash = ? RETURNING resource, model, until"
            row = database.execute(query, (_hash(token),)).fetchone()
        if row is None or datetime.fromisoformat(row[2]) < now:
            return None
        return str(row[0]), str(row[1])

    # --- what was accepted --------------------------------------------------------------------------

    def count(self, kind: str, model_id: str = "") -> None:
        with self._writing() as database:
            database.execute(
                "INSERT INTO accepted VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET times = times + 1",
                (kind, model_id),
            )

    def counts(self) -> dict[tuple[str, str], int]:
        """How often work was accepted, by its kind and model."""
        with self._lock:
            rows = self._database.execute("SELECT kind, model, times FROM accepted").fetchall()
        return {(kind, model): times for kind, model, times in rows}

    # --- forgetting ---------------------------------------------------------------------------------

    def forget(self, jobs: Sequence[StoredJob], now: datetime) -> None:
        """Let go of these jobs and their results, and of leave that has ended."""
        ids = [(job.id,) for job in jobs]
        with self._writing() as database:
            database.executemany("DELETE FROM job WHERE id = ?", ids)
            database.executemany("DELETE FROM result WHERE id = ?", ids)
            database.execute("DELETE FROM leave WHERE until < ?", (now.isoformat(),))

    def sweep(self) -> None:
        """Remove files that nothing leads to any more. Only before any work is begun."""
        unfinished = [job for job in self.jobs() if job.state not in ("succeeded", "failed")]
        kept = {job.id for job in unfinished}
        for file in (self.folder / "inputs").iterdir():
            if file.name not in kept:
                file.unlink(missing_ok=True)
        wanted = [json.dumps(job.details) for job in unfinished]
        known = (*self._all("SELECT body FROM model", ()), *self._all("SELECT body FROM record", ()))
        told = "\n".join((*known, *wanted))
        for file in (self.folder / "bundles").iterdir():
            if f'"{file.name}"' not in told:
                file.unlink(missing_ok=True)

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


def _opened(file: Path) -> sqlite3.Connection:
    """Locked for as long as it is open."""
    database = sqlite3.connect(file, timeout=_BUSY_SECONDS, check_same_thread=False)
    database.execute("PRAGMA locking_mode=EXCLUSIVE")
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    database.executescript(_SCHEMA)
    return database


def _refusal(folder: Path, error: Exception) -> RunError:
    if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
        message = f"another emulator keeps its state in {folder}: stop it, or choose another --state"
        return RunError(message, reason="state-in-use")
    told = error.strerror if isinstance(error, OSError) else str(error)
    return RunError(f"the emulator cannot keep its state in {folder}: {told}", reason="state-unusable")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
