"""What runs in a worker process: build storage and engine once, then perform tasks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pipeline.accounts import StorageSetup, open_storages
from pipeline.errors import RowError
from pipeline.ports import Engine, Reader, Storages
from pipeline.scoring.document import ScoreTask, score_document
from pipeline.scoring.staging import StageTask, stage
from pipeline.scoring.text_staging import TextStageTask, stage_text
from pipeline.training.tasks import LayoutTask, TrainTask, make_layout, train
from pipeline.training.text_upload import ProjectTask, describe


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """What a worker is told at its start; `bundles` is the folder where the run laid out its models."""

    storage: StorageSetup
    bundles: Path
    dpi: int


class _Worker:
    def __init__(self, setup: WorkerSetup) -> None:
        self._setup = setup
        self.storages: Storages = open_storages(setup.storage)

    @cached_property
    def reader(self) -> Reader:
        """What reads documents; the models' libraries stay out of a worker that only reads."""
        from pipeline.engines.layouts import LayoutReader

        return LayoutReader(dpi=self._setup.dpi)

    @cached_property
    def engine(self) -> Engine:
        """The local engine, with its libraries, in the workers that need it and nowhere else: the process
        that hands out the work stays small, and rows of a service need none of it."""
        from pipeline.engines.local import LocalEngine

        return LocalEngine(self._bundle, dpi=self._setup.dpi)

    def _bundle(self, model_id: str) -> bytes:
        file = self._setup.bundles / model_id
        if not file.is_file():
            raise RowError(f"the bytes of model {model_id} are missing: train again", reason="model-missing")
        return file.read_bytes()


_worker: _Worker | None = None


def prepare(setup: WorkerSetup) -> None:
    """Open this process's storages."""
    global _worker
    _worker = _Worker(setup)


def perform(task: object) -> object:
    """Do one task of any kind; the result is the task's own record."""
    assert _worker is not None, "prepare() comes first"
    storages = _worker.storages
    if isinstance(task, ScoreTask):
        outputs = storages.of(task.output_account)
        return score_document(task, storages.of(task.account), _worker.engine, outputs)
    if isinstance(task, StageTask):
        return stage(task, storages.of(task.account))
    if isinstance(task, TextStageTask):
        return stage_text(task, storages.of(task.account), _worker.reader)
    if isinstance(task, LayoutTask):
        return make_layout(task, storages.of(task.account), _worker.reader)
    if isinstance(task, TrainTask):
        return train(task, storages.of(task.account), _worker.engine)
    if isinstance(task, ProjectTask):
        return describe(task, storages.of(task.account))
    raise TypeError(f"unknown task {type(task).__name__}")
