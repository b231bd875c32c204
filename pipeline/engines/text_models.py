"""Models of texts of the local engine: trained, kept as bundles, asked."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.errors import RowError
from pipeline.learning.classifier import TextClassifier
from pipeline.learning.tagger import EntityTagger
from pipeline.learning.text_validation import validate_classes, validate_entities
from pipeline.texts import LabelledText, TextAnswer, TextProject
from pipeline.types import Trained

TextModel = EntityTagger | TextClassifier

_ENTITIES = b"formpipe-entities\n"
_CLASSES = b"formpipe-classes\n"


def train_texts(texts: Sequence[LabelledText], project: TextProject, seed: int) -> Trained:
    """A model of the project's kind and categories, that learned from all texts. Raises RowError
    (`untrainable`)."""
    if project.kind == "entities":
        tagger, evaluation = validate_entities(texts, project.categories, seed)
        return Trained(_ENTITIES + tagger.to_bytes(), (), evaluation, len(texts))
    multi_label = project.multi_label
    classifier, evaluation = validate_classes(texts, project.categories, multi_label=multi_label, seed=seed)
    return Trained(_CLASSES + classifier.to_bytes(), (), evaluation, len(texts))


def open_text_model(content: bytes) -> TextModel:
    """The model in a bundle. Raises RowError (`model-unreadable`) for anything else."""
    if content.startswith(_ENTITIES):
        return EntityTagger.from_bytes(content.removeprefix(_ENTITIES))
    if content.startswith(_CLASSES):
        return TextClassifier.from_bytes(content.removeprefix(_CLASSES))
    raise RowError("this is not a model of texts of formpipe: train it again", reason="model-unreadable")


def answer_of(model: TextModel, text: str) -> TextAnswer:
    """What the model says of a text."""
    if isinstance(model, EntityTagger):
        return TextAnswer(entities=model.predict(text))
    return TextAnswer(classes=model.predict(text))
