"""What runs in a worker process: build storage and engine once, then perform tasks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import RowError
from pipeline.ports import Engine
from pipeline.scoring.document import ScoreTask, score_document
from pipeline.storage.folder import FolderStorage
from pipeline.training.tasks import LayoutTask, TrainTask, make_layout, train


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """What a worker is told at its start; `bundles` is the folder where the run laid out its models."""

    storage_root: Path
    bundles: Path
    dpi: int


@dataclass(frozen=True, slots=True)
class _Worker:
    storage: FolderStorage
    engine: Engine


_worker: _Worker | None = None


def prepare(setup: WorkerSetup) -> None:
    """Build this process's storage and engine. The engine's libraries are loaded here and nowhere else, so
    that the process that hands out the work stays small."""
    global _worker
    from pipeline.engines.local import LocalEngine

    def bundle(model_id: str) -> bytes:
        file = setup.bundles / model_id
        if not file.is_file():
            raise RowError(f"the bytes of model {model_id} are missing: train again", reason="model-missing")
        return file.read_bytes()

    _worker = _Worker(FolderStorage(setup.storage_root), LocalEngine(bundle, dpi=setup.dpi))


def perform(task: object) -> object:
    """Do one task of any kind; the result is the task's own record."""
    assert _worker is not None, "prepare() comes first"
    if isinstance(task, ScoreTask):
        return score_document(task, _worker.storage, _worker.engine)
    if isinstance(task, LayoutTask):
        return make_layout(task, _worker.storage, _worker.engine)
    if isinstance(task, TrainTask):
        return train(task, _worker.storage, _worker.engine)
    raise TypeError(f"unknown task {type(task).__name__}")
