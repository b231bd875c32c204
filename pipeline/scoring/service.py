"""Score documents on a service: the executor that stands in for the worker processes of the local engine."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from pipeline.operations.driver import OperationDriver
from pipeline.operations.submission import Submission
from pipeline.ports import Executor, Outcome, RemoteEngine, Storage, Task
from pipeline.remote import OperationState, StagedDocument
from pipeline.scoring.charging import charged, reserve
from pipeline.scoring.document import Found, ScoreTask, conclude
from pipeline.scoring.plausibility import plausible
from pipeline.scoring.reuse import Reuse
from pipeline.scoring.spending import Spending
from pipeline.scoring.staging import StageTask
from pipeline.types import DocumentResult, ModelVersion


@dataclass(frozen=True, slots=True)
class ServiceScoring:
    """An Executor of ScoreTasks. Documents are staged by `readers` (untrusted bytes stay out of this
    process), submitted and asked for by `driver`. `folder` holds what is staged; `seconds`: what a
    document may take at the service. `spending` lets documents through before they are paid; what `reuse`
    knows already is not paid at all."""

    driver: OperationDriver[RemoteEngine]
    readers: Executor
    storage: Storage
    version: ModelVersion
    folder: Path
    seconds: float
    spending: Spending = field(default_factory=Spending)
    chooses_pages: bool = False
    reuse: Reuse | None = None

    @property
    def engine(self) -> RemoteEngine:
        return self.driver.engine

    def map(
        self, tasks: Iterable[Task], *, parallelism: int, timeout: Callable[[Task], float]
    ) -> Iterator[Outcome[Task, object]]:
        scored = cast(Iterable[ScoreTask], tasks)
        seconds = cast(Callable[[ScoreTask], float], timeout)
        submissions = self._submissions(scored, parallelism, seconds)
        for outcome in self.driver.perform(submissions, parallelism=parallelism):
            yield cast(Outcome[Task, object], outcome)

    def close(self) -> None:
        """The staging workers are the caller's."""

    def _submissions(
        self, tasks: Iterable[ScoreTask], parallelism: int, timeout: Callable[[ScoreTask], float]
    ) -> Iterator[Submission | Outcome[Any, object]]:
        waiting: dict[int, ScoreTask] = {}

        def stages() -> Iterator[StageTask]:
            for key, task in enumerate(tasks):
                waiting[key] = task
                document, file_type = task.document, task.model.file_type
                yield StageTask(document.ref, task.account, self.folder, file_type, key, document.pages)

        limit = timeout(cast(ScoreTask, None))
        for outcome in self.readers.map(stages(), parallelism=parallelism, timeout=lambda task: limit):
            task = waiting.pop(outcome.task.key)
            if outcome.error is not None:
                yield Outcome(task, error=outcome.error)
            else:
                yield self._submission(task, cast(StagedDocument, outcome.unwrap()))

    def _submission(self, task: ScoreTask, staged: StagedDocument) -> Submission | Outcome[Any, object]:
        known = self.reuse.known(task, staged) if self.reuse else None
        if known is not None:
            staged.file.unlink(missing_ok=True)
            return known
        reserved = reserve(self.spending, task, staged, chooses_pages=self.chooses_pages)
        if isinstance(reserved, Outcome):
            staged.file.unlink(missing_ok=True)
            return reserved
        started = time.perf_counter()

        def submit() -> str:
            return self.engine.submit_document(
                self.version.service_model_id, staged, max_pages=task.model.max_pages
            )

        def send() -> str:
            return charged(reserved, submit)

        def end(state: OperationState) -> DocumentResult:
            result = replace(self._result(task, staged, state), seconds=time.perf_counter() - started)
            staged.file.unlink(missing_ok=True)
            return result

        operation = task.operation
        return Submission(
            kind="analyze",
            task=task,
            send=send,
            conclude=end,
            seconds=self.seconds,
            documents=(task.document.id,),
            model_version_id=self.version.id,
            operation=operation,
        )

    def _result(self, task: ScoreTask, staged: StagedDocument, state: OperationState) -> DocumentResult:
        assert state.analysis is not None, "a finished analysis has one"
        analysis = plausible(state.analysis)
        layout = replace(analysis.layout, page_count=max(staged.pages or 0, len(analysis.layout.pages)))
        values = tuple(_counted(itertools.chain.from_iterable(d.values for d in analysis.documents)))
        result = conclude(task, Found(layout, values, staged.content_hash), self.storage)
        by = task.operation.model_version_id if task.operation else None
        return replace(result, model_version_id=by)


def _counted(values: Iterable[Any]) -> Iterator[Any]:
    """Values of several documents of one file, their occurrences told apart."""
    seen: set[tuple[str, int]] = set()
    for value in values:
        occurrence = value.occurrence
        while (value.field, occurrence) in seen:
            occurrence += 1
        seen.add((value.field, occurrence))
        yield replace(value, occurrence=occurrence)
