"""The texts a model is trained on, as the engines take them; read in the worker that trains."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.errors import DocumentError
from pipeline.formats.offsets import aligned
from pipeline.ports import Storage
from pipeline.reading.plain import plain_text
from pipeline.texts import LabelledText
from pipeline.training.forms import stored_layout
from pipeline.training.moved import content_of
from pipeline.training.records import TrainingDocument, TrainingFolder
from pipeline.types import Layout


def load_texts(
    storage: Storage, folder: TrainingFolder, made: Mapping[str, Layout]
) -> tuple[LabelledText, ...]:
    """The texts of a folder with their labels, in the order of the project, each named by its blob path.

    The text of a document that is no plain text is that of its layout: `made` (by path), or the one beside
    it. A document without any is left out, as are labels that do not fit their text. Raises AttemptError
    where storage fails, or a document changed meanwhile.
    """
    assert folder.project is not None
    project, labels = folder.project, {each.location: each for each in folder.project.documents}
    texts = []
    for document in folder.trained:
        text = _text(storage, folder.container, document, made.get(document.path))
        if text and text.strip():
            texts.append(aligned(labels[document.path], text, project.index_type)[0])
    return tuple(texts)


def _text(storage: Storage, container: str, document: TrainingDocument, layout: Layout | None) -> str | None:
    if not document.is_text:
        if layout is None and document.moved is None:
            layout = stored_layout(storage, container, document)
        return None if layout is None else layout.text
    try:
        return plain_text(content_of(storage, container, document))
    except DocumentError:
        return None
