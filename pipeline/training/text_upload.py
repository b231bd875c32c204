"""A project file of a training set of texts, as the Language service takes it: its documents are text files
of the container, its offsets UTF-16 units. Made in the worker that reads the texts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.formats.offsets import offsets
from pipeline.formats.project_json import project_to_json, project_to_preview_json
from pipeline.ports import Storage
from pipeline.texts import IndexType, LabelledSpan, LabelledText, ProjectDocument, TextProject
from pipeline.training.labelled_texts import load_texts
from pipeline.training.listing import OWN
from pipeline.training.records import TrainingDocument, TrainingFolder
from pipeline.training.tasks import scratch_layouts
from pipeline.types import AccountNames

_UNITS: IndexType = "Utf16CodeUnit"


@dataclass(frozen=True, slots=True)
class ProjectTask:
    """A training set to be described under the name of a project. `preview`: in the shape of before
    2022-05-01. `language`: what its texts are in, where the project file does not say so."""

    account: AccountNames
    folder: TrainingFolder
    scratch: Path
    name: str
    preview: bool = False
    language: str = "en-us"


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """`body` is the request to import it, and is never shown: its names may be those of people. `manual`: it
    says which of its `documents` are held out."""

    body: dict[str, Any] = field(repr=False)
    documents: int
    multi_label: bool
    manual: bool


def describe(task: ProjectTask, storage: Storage) -> ProjectFile:
    """The project file of a set. The text of a document that is no plain text is written into a hidden folder
    beside the set. Raises RowError (`storage-not-writable`), AttemptError where storage fails."""
    folder = task.folder
    assert folder.project is not None
    texts = load_texts(storage, folder, scratch_layouts(task.scratch, folder))
    places = {document.path: _place(task, document) for document in folder.trained}
    for text in texts:
        if places[text.name] != text.name:
            storage.write(folder.container, places[text.name], text.text.encode())
    documents = tuple(_document(text, places[text.name]) for text in texts)
    project = replace(
        folder.project,
        documents=documents,
        index_type=_UNITS,
        name=task.name,
        language=folder.project.language or task.language,
        container=folder.container,
    )
    body = _body(project, texts, places, preview=task.preview)
    manual = any(document.dataset == "test" for document in documents)
    return ProjectFile(body, len(documents), project.multi_label, manual)


def own_path(folder: TrainingFolder, name: str) -> str:
    """Where a file of ours beside a training set lies."""
    return f"{folder.prefix}{OWN}{name}"


def _place(task: ProjectTask, document: TrainingDocument) -> str:
    there = document.is_text and document.moved is None
    return document.path if there else own_path(task.folder, f"{document.digest[:32]}.txt")


def _document(text: LabelledText, place: str) -> ProjectDocument:
    count = offsets(text.text, _UNITS)
    spans = tuple(LabelledSpan(span.category, *count.units(span.offset, span.length)) for span in text.spans)
    return ProjectDocument(place, dataset=text.dataset, spans=spans, classes=text.classes)


def _body(
    project: TextProject, texts: Iterable[LabelledText], places: dict[str, str], *, preview: bool
) -> dict[str, Any]:
    lengths = {places[text.name]: offsets(text.text, _UNITS).length for text in texts}
    return (project_to_preview_json if preview else project_to_json)(project, lengths)
