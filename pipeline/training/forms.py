"""The forms a model is trained on, as the engines take them; read in the worker that trains."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.errors import DocumentError
from pipeline.ports import Storage
from pipeline.training.layouts import read_layout
from pipeline.training.records import TrainingDocument, TrainingFolder
from pipeline.types import Label, LabelledForm, Layout


def missing_layouts(folder: TrainingFolder) -> tuple[TrainingDocument, ...]:
    """The documents that are learned from and have no layout yet."""
    return tuple(document for document in folder.trained if not (document.has_layout or document.is_text))


def load_forms(
    storage: Storage, folder: TrainingFolder, made: Mapping[str, Layout] | None = None
) -> tuple[LabelledForm, ...]:
    """The forms of a folder with layouts and labels, in the order of `folder.trained`.

    Layouts are read from the `.ocr.json` files as they are now, or taken from `made` (by document path),
    for folders that may not be written to. A form still without a layout is left out: compare the lengths.
    Labels of fields that are not learned are dropped. Raises AttemptError where storage fails.
    """
    known = {spec.name for spec in folder.fields}
    forms = []
    for document in folder.trained:
        layout = (made or {}).get(document.path) or stored_layout(storage, folder.container, document)
        if layout is not None:
            labels = _labels(document, known) if folder.use_labels else ()
            forms.append(LabelledForm(document.path, layout, labels, document.digest))
    return tuple(forms)


def stored_layout(storage: Storage, container: str, document: TrainingDocument) -> Layout | None:
    """The layout beside a document, None where there is none of its content."""
    try:
        content = storage.read(container, document.layout_path)
    except DocumentError:
        return None
    return read_layout(content, document.digest).layout


def _labels(document: TrainingDocument, known: set[str]) -> tuple[Label, ...]:
    return tuple(label for label in document.labels or () if label.field in known)
