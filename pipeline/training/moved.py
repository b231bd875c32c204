"""Documents that a person moved to a form type: the router learns from them beside its training folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Literal

from pipeline.db.text_labels import TextLabel
from pipeline.errors import AttemptError, FormpipeError
from pipeline.ports import Storage
from pipeline.reading.plain import plain_text
from pipeline.texts import ProjectDocument, TextProject
from pipeline.training.fingerprint import text_label_digest
from pipeline.training.records import MovedFrom, TrainingDocument
from pipeline.types import Finding

_PAST = {"blob-gone", "blob-changed"}
"""What was said of them was said of another content."""


def with_moved(
    storage: Storage,
    project: TextProject,
    labels: Sequence[TextLabel],
    findings: list[Finding],
) -> tuple[TextProject, tuple[TrainingDocument, ...]]:
    """The project with what persons said, and the documents that were meant. Reads each of them, for its
    digest. What changed or is gone since is left out; what lies in another account is told."""
    here = [label for label in labels if label.ref.account == storage.account]
    if len(here) < len(labels):
        message = (
            f"{len(labels) - len(here)} documents that were moved by hand lie in another storage "
            "account than the training folder: nothing is learned from them."
        )
        findings.append(Finding("warning", "moved-elsewhere", "", message))
    found = list(_read(storage, here, project, findings))
    documents = tuple(document for _, document in found)
    named = tuple(each for each, _ in found)
    categories = dict.fromkeys((*project.categories, *(name for each in named for name in each.classes)))
    made = replace(project, categories=tuple(categories), documents=(*named, *project.documents))
    return made, documents


def content_of(storage: Storage, container: str, document: TrainingDocument) -> bytes:
    """The content of a training document, wherever it lies. Raises DocumentError, AttemptError."""
    moved = document.moved
    if moved is None:
        return storage.read(container, document.path, document.etag)
    content = storage.read(moved.container, moved.path, document.etag)
    if moved.pages is None:
        return content
    # the readers' libraries belong into the workers, not into the process that hands out the work
    from pipeline.reading.cutting import cut

    return cut(content, *moved.pages)


def _read(
    storage: Storage, labels: Iterable[TextLabel], project: TextProject, findings: list[Finding]
) -> Iterator[tuple[ProjectDocument, TrainingDocument]]:
    marked = any(document.dataset for document in project.documents)
    for label in labels:
        name = _name(label)
        try:
            content = storage.read(label.ref.container, label.ref.path, label.ref.etag)
            is_text = plain_text(content) is not None
        except FormpipeError as error:
            if error.reason not in _PAST:
                findings.append(_unreadable(name, error))
            continue
        document = ProjectDocument(name, None, "train" if marked else None, classes=(label.category,))
        digest = sha256(content).hexdigest()
        if label.pages:
            digest = sha256(f"{digest}:{label.pages[0]}-{label.pages[1]}".encode()).hexdigest()
        yield (
            document,
            TrainingDocument(
                name,
                label.ref.etag or "",
                len(content),
                digest,
                label_digest=text_label_digest(document, project.index_type),
                is_text=is_text,
                moved=MovedFrom(label.ref.container, label.ref.path, label.pages),
            ),
        )


def _unreadable(name: str, error: FormpipeError) -> Finding:
    """What could not be read this time keeps the row from training on half a set."""
    severity: Literal["error", "warning"] = "error" if isinstance(error, AttemptError) else "warning"
    return Finding(severity, error.reason, name, f"{error} It was moved by hand, and is not learned from.")


def _name(label: TextLabel) -> str:
    """Unlike that of any document of the training folder."""
    pages = f", pages {label.pages[0]}-{label.pages[1]}" if label.pages else ""
    return f"{label.ref.container}:{label.ref.path}{pages}"
