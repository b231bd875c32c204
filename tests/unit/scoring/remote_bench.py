"""A row that is scored on a canned service: what benches of documents and of texts have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.db import operations
from pipeline.executors.threads import ThreadExecutor
from pipeline.operations.driver import OperationDriver
from pipeline.operations.pace import Latencies, Pace
from pipeline.operations.submission import Ledger
from pipeline.scoring.spending import Spending
from pipeline.scoring.stage import ScoringContext, Tally, score_backlog
from pipeline.storage.folder import FolderStorage
from pipeline.types import ModelVersion
from tests.unit.scoring.conftest import LIMITS, Bench

Scoring = Callable[[OperationDriver[Any], ThreadExecutor, FolderStorage], Any]
"""The executor under test, over a driver and the readers of a storage."""


@dataclass
class RemoteBench:
    bench: Bench
    service: Any
    folder: Path
    stopped: bool = False
    spending: Spending = field(default_factory=Spending)

    def file(self, name: str) -> Path:
        """Where a document of the backlog lies."""
        file = self.bench.root / "forms" / "in" / f"{name}.pdf"
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    def ledger(self) -> Ledger:
        return Ledger(self.bench.database, "bills", "h:1:1:x", self.bench.guard, lambda: self.bench.now)

    def scored(
        self, version: ModelVersion, read: Callable[[Any, FolderStorage], object], scoring: Scoring
    ) -> Tally:
        """List the backlog and score it, as the next run would; `read` is what a reader does with a task."""
        bench = self.bench
        bench.listing()
        with bench.database.begin() as connection:
            operations.give_up_intents(connection, (), bench.now)
        self.ledger().sweep()
        storage = FolderStorage(bench.root)
        readers = ThreadExecutor(lambda task: read(task, storage), 2)
        driver = OperationDriver(
            self.service, self.ledger(), lambda: self.stopped, lambda kind: Latencies(Pace(0.001))
        )
        context = ScoringContext(
            database=bench.database,
            executor=scoring(driver, readers, storage),
            now=lambda: bench.now,
            guard=bench.guard,
            stopping=lambda: self.stopped,
            progress=lambda tally: None,
            run_id=bench.run_id,
            spending=self.spending,
        )
        try:
            return score_backlog(context, bench.row, version, LIMITS)
        finally:
            readers.close()
