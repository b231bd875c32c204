"""What training has done in worker processes: making missing layouts, and training itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.ports import Engine, Reader, Storage
from pipeline.training.forms import load_forms
from pipeline.training.labelled_texts import load_texts
from pipeline.training.layouts import made_layout_json, read_layout
from pipeline.training.moved import content_of
from pipeline.training.records import TrainingDocument, TrainingFolder
from pipeline.types import AccountNames, Layout, Trained


@dataclass(frozen=True, slots=True)
class LayoutTask:
    """A training document to be read. `keep`: its `.ocr.json` is missing and is written beside it."""

    account: AccountNames
    container: str
    document: TrainingDocument
    max_pages: int
    file_type: str | None
    scratch: Path
    keep: bool


@dataclass(frozen=True, slots=True)
class TrainTask:
    """A training set whose documents were read; their layouts lie in `scratch`."""

    account: AccountNames
    folder: TrainingFolder
    scratch: Path


def make_layout(task: LayoutTask, storage: Storage, engine: Reader) -> str:
    """Read a training document and put its layout into the scratch folder, and beside the document where
    there is none; returns the document's path. Raises DocumentError where it is unreadable, RowError
    (`storage-not-writable`) where the layout cannot be kept."""
    document = task.document
    content = content_of(storage, task.container, document)
    layout = engine.layout(content, max_pages=task.max_pages, file_type=task.file_type)
    made = made_layout_json(layout, document.digest)
    _scratch_file(task.scratch, document).write_bytes(made)
    if task.keep:
        storage.write(task.container, document.layout_path, made)
    return document.path


def train(task: TrainTask, storage: Storage, engine: Engine) -> Trained:
    """Load the forms or texts and train. A form is learned from as this engine reads it, which is how it will
    read the backlog; the `.ocr.json` of another reader counts where the document could not be read.

    Raises RowError (`untrainable`) where the forms do not make a model.
    """
    read = scratch_layouts(task.scratch, task.folder)
    if task.folder.project is not None:
        texts = load_texts(storage, task.folder, read)
        return replace(engine.train_texts(texts, task.folder.project), fields=task.folder.fields)
    forms = load_forms(storage, task.folder, read)
    return engine.train(forms, task.folder.fields, labels=task.folder.use_labels)


def scratch_layouts(scratch: Path, folder: TrainingFolder) -> dict[str, Layout]:
    """What the documents of a set were read as in this run, by path."""
    made = {document.path: _made(scratch, document) for document in folder.trained}
    return {path: layout for path, layout in made.items() if layout is not None}


def _made(scratch: Path, document: TrainingDocument) -> Layout | None:
    file = _scratch_file(scratch, document)
    return read_layout(file.read_bytes(), document.digest).layout if file.exists() else None


def _scratch_file(scratch: Path, document: TrainingDocument) -> Path:
    return scratch / f"{document.digest}.ocr.json"
