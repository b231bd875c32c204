"""What training has done in worker processes: making missing layouts, and training itself."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.ports import Engine, Storage
from pipeline.training.forms import load_forms
from pipeline.training.layouts import made_layout_json
from pipeline.training.records import TrainingDocument, TrainingFolder
from pipeline.types import FieldSpec, Layout, Trained


@dataclass(frozen=True, slots=True)
class LayoutTask:
    """A training document whose `.ocr.json` is missing."""

    container: str
    document: TrainingDocument
    max_pages: int
    file_type: str | None


@dataclass(frozen=True, slots=True)
class TrainTask:
    """A training set that is ready: every form has its layout."""

    folder: TrainingFolder
    fields: tuple[FieldSpec, ...]


def make_layout(task: LayoutTask, storage: Storage, engine: Engine) -> Layout:
    """Read a training document and keep its layout beside it. Raises DocumentError where it is
    unreadable, RowError (`storage-not-writable`) where the layout cannot be kept."""
    document = task.document
    content = storage.read(task.container, document.path, document.etag)
    layout = engine.layout(content, max_pages=task.max_pages, file_type=task.file_type)
    storage.write(task.container, document.layout_path, made_layout_json(layout, document.digest))
    return layout


def train(task: TrainTask, storage: Storage, engine: Engine) -> Trained:
    """Load the forms and train. Raises RowError (`untrainable`) where they do not make a model."""
    forms = load_forms(storage, task.folder)
    return engine.train(forms, task.fields, labels=task.folder.use_labels)
