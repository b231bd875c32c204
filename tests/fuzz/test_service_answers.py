"""Whatever a service answers, a run ends, every document is accounted for, and the key stays at home."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select

from pipeline.db import schema, tables
from pipeline.db.connection import open_database
from tests.databases.postgresql import Postgresql
from tests.fuzz.answers import FIELDS, VERSIONS, Script, Scripts
from tests.fuzz.hostile_service import KEY, Service, running_service

ROOT = Path(__file__).parents[2]
SEED = int(os.environ.get("FORMPIPE_TEST_FUZZ_SEED", "20261121"))
ROWS_PER_VERSION = 3
ROUNDS = 25
PROCESS_MB, WORKER_MB = 500, 500
_SETTINGS = {
    "FORMPIPE_WORKERS": "2",
    "FORMPIPE_POLL_SECONDS": "0.05",
    "FORMPIPE_SERVICE_RETRY_SECONDS": "0.2",
    "FORMPIPE_OPERATION_TIMEOUT_SECONDS": "1",
    "FORMPIPE_RETRY_DELAY_SECONDS": "0",
}
_PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj "
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_whatever_a_service_answers(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    _fuzz(request, tmp_path, dialect, range(0, 300, 2) if dialect == "sqlite" else range(1, 300, 2))


@pytest.mark.long
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_whatever_a_service_answers_many_times(
    dialect: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    first = 1_000 if dialect == "sqlite" else 1_001
    _fuzz(request, tmp_path, dialect, range(first, 6_000, 2))


def _fuzz(request: pytest.FixtureRequest, folder: Path, dialect: str, numbers: Sequence[int]) -> None:
    url = f"sqlite:///{folder / 'formpipe.db'}"
    if dialect == "postgresql":
        server: Postgresql = request.getfixturevalue("postgresql")
        url = server.create()
    made = Scripts(SEED)
    scripts = {number: made.make(number) for number in numbers}
    with running_service(list(scripts.values())) as service:
        project = Project(folder, url, service, scripts)
        project.write()
        project.judge(project.run())


@dataclass(frozen=True)
class Project:
    folder: Path
    url: str
    service: Service
    scripts: Mapping[int, Script]

    # --- before ---------------------------------------------------------------------------------------

    def write(self) -> None:
        """Rows whose models are in use already, and a document for each script."""
        engine = open_database(self.url)
        schema.upgrade(engine)
        rows = {row_of(script): script for script in self.scripts.values()}
        (self.folder / "data" / "forms" / "training").mkdir(parents=True)
        for name, script in rows.items():
            _add_row(engine, name, script)
        engine.dispose()
        for number, script in self.scripts.items():
            file = self.folder / "data" / "forms" / row_of(script) / f"{number:06}.pdf"
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(_PDF + f"%FUZZ-{number:06}-\n".encode())

    def run(self) -> dict[str, Any]:
        url = self.service.url
        environment = os.environ | _SETTINGS | {"PYTHONPATH": str(ROOT), "CognitiveServiceEndpoint": url}
        environment |= {"CognitiveServiceSubscriptionKey": KEY, "FORMPIPE_DATABASE_URL": self.url}
        environment |= {"FORMPIPE_STORAGE_ROOT": str(self.folder / "data")}
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "tests.fuzz.service_run", str(ROUNDS)],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=3000,
            check=False,
        )
        (self.folder / "stderr.txt").write_text(done.stderr)
        (self.folder / "stdout.txt").write_text(done.stdout)
        assert done.returncode == 0, done.stderr[-4000:]
        assert KEY not in done.stderr + done.stdout
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return told

    # --- after ----------------------------------------------------------------------------------------

    def judge(self, told: Mapping[str, Any]) -> None:
        rounds = told["rounds"]
        print(f"seed {SEED}: {len(self.scripts)} mutants in {len(rounds)} runs, {self._counts()}")  # noqa: T201
        print(f"memory: process {told['process_mb']} MB, largest worker {told['worker_mb']} MB")  # noqa: T201
        assert not [each["error"] for each in rounds if each["error"]]
        assert not [fault for each in rounds for fault in self._wrongly_ended(each)]
        assert not self._unaccounted()
        assert not self.service.foreign
        assert not [path for path in self.service.strange if path.startswith("no key")]
        assert told["process_mb"] < PROCESS_MB
        assert told["worker_mb"] < WORKER_MB

    def _wrongly_ended(self, each: Mapping[str, Any]) -> list[str]:
        """Rows that ended for what only a document may end for, with what their documents had met."""
        wrong = []
        for row in each["rows"]:
            met = [self.scripts[n] for n in each["healed"] if row_of(self.scripts[n]) == row["form_type"]]
            reason = row["reason"] or ""
            allowed = row["state"] == "finished" or any(script.ends_row for script in met)
            if not allowed or "unexpected-error" in reason:
                wrong.append(f"{reason} after {[script.recipe for script in met]}")
        return wrong

    def _documents(self) -> list[Any]:
        engine = open_database(self.url)
        with engine.connect() as connection:
            rows = list(connection.execute(select(tables.document)))
        engine.dispose()
        return rows

    def _counts(self) -> dict[str, int]:
        return dict(Counter(f"{row.outcome or row.stage}:{row.reason}" for row in self._documents()))

    def _unaccounted(self) -> list[str]:
        documents = {int(Path(row.path).stem): row for row in self._documents()}
        lost = [self.scripts[number].recipe for number in self.scripts if number not in documents]
        for number, row in documents.items():
            ended = row.outcome in ("loaded", "partial", "dead")
            named = row.outcome == "loaded" or (row.reason and row.reason != "unexpected-error")
            if not ended or not named or (row.outcome != "dead" and row.pages is None):
                facts = (row.stage, row.outcome, row.reason, row.pages, row.message)
                lost.append(f"{self.scripts[number].recipe} -> {facts}"[:600])
        return lost


def row_of(script: Script) -> str:
    """The form type of a script's document."""
    name = f"{script.engine}_{script.version}_{script.number // len(VERSIONS) % ROWS_PER_VERSION}"
    return re.sub(r"[^a-z0-9]+", "_", name)


def _add_row(engine: Engine, name: str, script: Script) -> None:
    row = {
        "form_type": name,
        "form_batch_group_id": name,
        "engine": script.engine,
        "api_version": script.version,
        "allow_retired": True,
        "training_container_name": "forms",
        "training_blob_root_folder": "training",
        "scoring_container_name": "forms",
        "scoring_input_blob_folder": name,
        "scoring_output_blob_folder": f"out/{name}",
        "use_label_file": True,
        "model_id": "the-model",
        "retrain": "never",
        "max_attempts": 1,
    }
    version = {
        "form_batch_group_id": name,
        "version": 1,
        "engine": script.engine,
        "api_version": script.version,
        "model_kind": "form",
        "service_model_id": "the-model",
        "fingerprint": "f",
        "state": "active",
        "created_at": datetime(2026, 3, 1, tzinfo=UTC),
    }
    fields = [{"form_type": name, "field": spec.name, "type": spec.type} for spec in FIELDS]
    with engine.begin() as connection:
        connection.execute(insert(tables.form_type).values(row))
        connection.execute(insert(tables.form_field), fields)
        connection.execute(insert(tables.model_version).values(version))
