"""A backlog in a real blob server, a service that answers from a can, a real database, and runs on them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, func, insert, select, text

from pipeline.db.tables import document, field_value, form_type, lease, operation, part, run
from tests.azure.azurite import Account
from tests.azure.canned import MODEL, PDF, Canned, running_can
from tests.azure.ports import free_port

ROOT = Path(__file__).parents[2]
VICTIM = Path(__file__).with_name("victim.py")
ROW = "bills"
PATIENCE = 120.0

Rows = list[tuple[Any, ...]]


@dataclass
class Scene:
    """One database with one row, its containers and its service. `on_their_way`: submits at the kills."""

    folder: Path
    url: str
    can: Canned
    account: Account
    container: str
    settings: dict[str, object] = field(default_factory=dict)
    on_their_way: int = 0

    @property
    def engine(self) -> Engine:
        return create_engine(self.url)

    # --- what is there --------------------------------------------------------------------------------

    def set_up(self, documents: int, *, parallelism: int = 4) -> None:
        """The schema is there; a row whose model is the can's, and so many documents."""
        self.folder.mkdir(parents=True, exist_ok=True)
        secrets = self.can.secrets | {
            "StorageAccountName": self.account.url,
            "StorageAccountSasKey": self.account.key,
        }
        (self.folder / ".env").write_text("\n".join(f"{name}={value}" for name, value in secrets.items()))
        row = {
            "form_type": ROW,
            "engine": "document-intelligence",
            "api_version": "2024-11-30",
            "model_id": MODEL,
            "training_container_name": f"{self.container}-training",
            "scoring_container_name": self.container,
            "scoring_input_blob_folder": "in/",
            "scoring_output_blob_folder": "out/",
            "parallelism": parallelism,
            "max_attempts": 50,
        }
        with self.engine.begin() as connection:
            connection.execute(insert(form_type).values(**row))
        self.account.container(f"{self.container}-training")
        self.put(documents)

    def put(self, documents: int, *, first: int = 0) -> None:
        container = self.account.container(self.container)
        for number in range(first, first + documents):
            container.upload_blob(f"in/{number:04}.pdf", PDF + f"% {number}\n".encode(), overwrite=True)

    def rows(self) -> Rows:
        """Every document by path with its outcome and values: what must be the same after any disturbance."""
        query = (
            select(document.c.path, document.c.outcome, document.c.pages, field_value.c.field,
                   field_value.c.occurrence, field_value.c.source, field_value.c.text)
            .outerjoin(part, part.c.document_id == document.c.id)
            .outerjoin(field_value, field_value.c.part_id == part.c.id)
        )  # fmt: skip
        return sorted(tuple(row) for row in self.query(query))

    def expected(self, documents: int) -> Rows:
        """Those of a run that nobody disturbs: the can says the same of every document."""
        return sorted(
            (f"in/{number:04}.pdf", "loaded", 1, f"field {each}", 0, "model", f"value{each}")
            for number in range(documents)
            for each in range(10)
        )

    def outputs(self) -> int:
        names = self.account.container(self.container).list_blob_names(name_starts_with="out/")
        return sum(1 for _ in names)

    def accepted(self) -> int:
        """Analyses that the service has begun, each of them paid, also where the answer was lost."""
        return int(self.can.door.service.accepted.get("analyze", 0))

    def query(self, statement: Any) -> list[Any]:
        engine = self.engine
        try:
            with engine.connect() as connection:
                return list(connection.execute(statement))
        finally:
            engine.dispose()

    def count(self, *where: Any) -> int:
        return int(self.query(select(func.count()).select_from(document).where(*where))[0][0])

    # --- runs -----------------------------------------------------------------------------------------

    def start(
        self, *command: str, point: str = "", nth: int = 1, without: str = "", **settings: object
    ) -> subprocess.Popen[str]:
        """A run, or another command; with a `point` it dies there, `without` a mechanism."""
        program = [sys.executable, "-m", "pipeline.cli.main"]
        if point or without:
            mechanism = ["-m", without] if without else []
            told = str(self.folder / "on-their-way")
            program = [sys.executable, str(VICTIM), point or "-", str(nth), told, *mechanism, "--"]
        stated = {"database_url": self.url, "storage": "azure-blob", "workers": 1, "poll_seconds": 0.1}
        names = stated | self.settings | settings
        environment = os.environ | {f"FORMPIPE_{name.upper()}": str(value) for name, value in names.items()}
        return subprocess.Popen(
            [*program, *(command or ("run",))],
            cwd=self.folder,
            env=environment | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *command: str, expect: tuple[int, ...] = (0,), **more: Any) -> str:
        return self.ended(self.start(*command, **more), *expect)

    def ended(self, process: subprocess.Popen[str], *expect: int) -> str:
        """What a process said; it ended as expected."""
        try:
            told, _ = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
        assert process.returncode in expect, (process.returncode, told)
        return told

    def killed_at(self, point: str, nth: int, **more: Any) -> None:
        """A run that dies at a named point; what was on its way then is counted."""
        file = self.folder / "on-their-way"
        file.write_text("0")
        self.ended(self.start("run", point=point, nth=nth, **more), -signal.SIGKILL)
        self.on_their_way += int(file.read_text())

    def wait_until(self, happened: Callable[[], object], *processes: subprocess.Popen[str]) -> None:
        until = time.monotonic() + PATIENCE
        while not happened():
            assert time.monotonic() < until, "it never came"
            for process in processes:
                assert process.poll() is None, process.communicate()
            time.sleep(0.05)

    # --- what must hold -------------------------------------------------------------------------------

    def faults(self, documents: int) -> list[str]:
        """What is wrong after a recovery: nothing, where the mechanisms work."""
        found = []
        missing = set(self.expected(documents)) - set(self.rows())
        if missing:
            found.append(f"{len(missing)} rows are lost, {min(missing)} among them")
        if len(self.rows()) > len(self.expected(documents)):
            found.append(f"{len(self.rows())} rows instead of {len(self.expected(documents))}")
        allowed = documents + self.on_their_way
        if self.accepted() > allowed:
            found.append(f"{self.accepted()} analyses were paid for {allowed}")
        if self.outputs() != documents:
            found.append(f"{self.outputs()} output files for {documents} documents")
        verified = self.start("verify")
        told, _ = verified.communicate(timeout=PATIENCE)
        if verified.returncode:
            found.append(f"verify: {told}")
        return found + self._left_behind()

    def _left_behind(self) -> list[str]:
        """Nothing may be held, open or running when nobody is at work."""
        left = {
            "claims": self.count(document.c.claimed_by.is_not(None)),
            "open documents": self.count(document.c.stage != "done"),
            "intents": len(self.query(select(operation.c.id).where(operation.c.state == "intended"))),
            "operations": len(self.query(select(operation.c.id).where(operation.c.state == "submitted"))),
            "runs": len(self.query(select(run.c.id).where(run.c.state == "running"))),
            "run leases": len(self.query(select(lease.c.name).where(lease.c.name.like("run:%")))),
        }
        return [f"{count} {name} are left" for name, count in left.items() if count]

    def drop_connections(self) -> None:
        """As a failover does: every other connection to this database ends (PostgreSQL)."""
        self.query(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )

    def pause_database(self, seconds: float) -> None:
        """The processes that serve this database stand still (PostgreSQL)."""
        found = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        mine = [row.pid for row in self.query(found)]
        for pid in mine:
            _signal(pid, signal.SIGSTOP)
        time.sleep(seconds)
        for pid in mine:
            _signal(pid, signal.SIGCONT)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


@contextmanager
def a_service(folder: Path) -> Iterator[Canned]:
    with running_can(folder / f"can-{free_port()}", limited=False) as can:
        yield can
