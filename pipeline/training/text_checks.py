"""What is wrong with a training set of labelled texts, from the facts about them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from pipeline.services import Service
from pipeline.texts import TextProject
from pipeline.training.checks import paid
from pipeline.training.records import TrainingDocument
from pipeline.types import Blob, Finding

ADVISED_TEXTS = 10
"""Of fewer texts nothing is held out, so the model is not measured; the service refuses to train on them."""

_NAMED = 3


def select_texts(documents: Sequence[TrainingDocument], project: TextProject) -> tuple[TrainingDocument, ...]:
    """The texts that are learned from: the first of each content. A text of a single-label project needs its
    class; elsewhere one without labels is an example of what has none."""
    labels = {document.location: document for document in project.documents}
    chosen: dict[str, TrainingDocument] = {}
    for document in documents:
        needed = project.kind == "classes" and not project.multi_label
        labelled = bool(labels[document.path].classes) or not needed
        if document.layout != "unreadable" and labelled:
            chosen.setdefault(document.digest, document)
    return tuple(chosen.values())


def check_texts(
    project: TextProject,
    documents: Sequence[TrainingDocument],
    trained: Sequence[TrainingDocument],
    unnamed: Sequence[Blob],
    folder: str,
    service: Service,
) -> Iterator[Finding]:
    """Everything that is told by the texts together. `unnamed`: files that the project does not name.
    `folder` names the set to a person."""
    uses = _uses(project, trained)
    yield from _check_count(trained, uses, folder, service)
    yield from _check_marks(project, trained, folder)
    yield from _check_duplicates(documents, trained, service)
    for category in project.categories:
        yield from _check_category(category, uses[category], len(trained))
    if unnamed:
        message = f"{_texts(len(unnamed))} not in the project: nothing is learned from {_few(unnamed)}."
        yield Finding("warning", "forms-without-labels", folder, message)


def _uses(project: TextProject, trained: Sequence[TrainingDocument]) -> Counter[str]:
    """In how many texts each category occurs."""
    there = {document.path for document in trained}
    return Counter(
        name
        for document in project.documents
        if document.location in there
        for name in {*document.classes, *(span.category for span in document.spans)}
    )


def _check_count(
    trained: Sequence[TrainingDocument], uses: Mapping[str, int], folder: str, service: Service
) -> Iterator[Finding]:
    count, needs = len(trained), service.minimum_labelled_forms if paid(service) else 1
    if not count or not uses:
        why = "none of its texts has labels" if count else "none of the texts of its project is there"
        message = f"Nothing to train on: {why}. Label them in the project, and put file and texts together."
        yield Finding("error", "nothing-to-train-on", folder, message)
    elif count < needs:
        message = f"{_texts(count)} to learn from, {service.engine} needs {needs}: add {needs - count} more."
        yield Finding("error", "too-few-forms", folder, message)
    elif count < ADVISED_TEXTS:
        message = (
            f"Only {_texts(count)} to learn from: of {ADVISED_TEXTS} or more some are held out to measure "
            "the model."
        )
        yield Finding("warning", "few-forms", folder, message)


def _check_marks(project: TextProject, trained: Sequence[TrainingDocument], folder: str) -> Iterator[Finding]:
    marks = {document.location: document.dataset for document in project.documents}
    if {marks.get(document.path) for document in trained} == {"test"}:
        message = (
            "Nothing to train on: every text is marked for test. Mark most of them Train, or none at all."
        )
        yield Finding("error", "nothing-to-train-on", folder, message)


def _check_duplicates(
    documents: Sequence[TrainingDocument], trained: Sequence[TrainingDocument], service: Service
) -> Iterator[Finding]:
    kept = {document.digest: document for document in trained}
    for document in documents:
        first = kept.get(document.digest)
        if first is None or first.path == document.path:
            continue
        if document.label_digest != first.label_digest:
            message = f"Same content as {first.path}, but other labels; only those of {first.path} are used."
            yield Finding(
                "error" if paid(service) else "warning", "labels-contradict", document.path, message
            )
        else:
            message = f"Same content as {first.path}: it is used once."
            yield Finding("warning", "duplicate-form", document.path, message)


def _check_category(category: str, uses: int, texts: int) -> Iterator[Finding]:
    if uses == 0:
        message = "No text has it labelled: the model cannot learn it."
        yield Finding("warning", "field-never-labelled", category, message)
    elif uses == 1 and texts > 1:
        message = "Labelled in one text only: label it in more of them."
        yield Finding("warning", "field-labelled-once", category, message)


def _texts(count: int) -> str:
    return "1 text" if count == 1 else f"{count} texts"


def _few(blobs: Sequence[Blob]) -> str:
    more = f" and {len(blobs) - _NAMED} more" if len(blobs) > _NAMED else ""
    return ", ".join(blob.path for blob in blobs[:_NAMED]) + more
