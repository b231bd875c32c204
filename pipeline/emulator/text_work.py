"""What the emulator's worker processes do with texts: train a model of a project file, and ask it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pipeline.emulator.container import SignedContainer
from pipeline.errors import DocumentError, RowError
from pipeline.formats.offsets import aligned, offsets
from pipeline.formats.project_json import project_from_json
from pipeline.learning import classifier_evaluation, tagger_evaluation
from pipeline.learning.classifier import TextClassifier
from pipeline.learning.tagger import EntityTagger
from pipeline.learning.text_split import split
from pipeline.ports import Storage
from pipeline.storage.folder import FolderStorage
from pipeline.texts import (
    FoundEntity,
    LabelledSpan,
    LabelledText,
    TextAnswer,
    TextEvaluation,
    TextOutcome,
    TextProject,
)
from pipeline.wire.language.records import EvaluationOptions

CONTAINER = "{container}"
FEWEST = 10
"""Texts that a project has at least (CONTRACTS 4.6)."""

_SEED = 0
_MODELS = 8


@dataclass(frozen=True, slots=True)
class TextTrainTask:
    """A project file to be trained on, its texts beside it in a container; the model's bytes go into
    `bundle`. `containers` is where containers are, and may hold a signature."""

    file: Mapping[str, Any] = field(repr=False)
    container: str
    containers: str = field(repr=False)
    options: EvaluationOptions
    bundle: Path


@dataclass(frozen=True, slots=True)
class Region:
    """A text that was held out, with its entities as labelled and as found, in UTF-16 units."""

    name: str
    length: int
    expected: tuple[LabelledSpan, ...]
    predicted: tuple[LabelledSpan, ...]


@dataclass(frozen=True, slots=True)
class LearnedTexts:
    """What a training gave. `outcomes`: every text that was held out, by classes; `regions`: by entities."""

    evaluation: TextEvaluation
    outcomes: tuple[TextOutcome, ...] = ()
    regions: tuple[Region, ...] = ()


@dataclass(frozen=True, slots=True)
class TextTask:
    """Texts to be asked of the model in a bundle."""

    bundle: str
    entities: bool
    texts: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Parts:
    """The texts that a model is measured on, and those that it is trained on for that."""

    method: Literal["percentage", "manual"]
    trained: tuple[LabelledText, ...]
    held_out: tuple[LabelledText, ...]

    @property
    def measurable(self) -> bool:
        """Whether there is something to measure, and something to learn from beside it."""
        return bool(self.held_out) and any(text.spans or text.classes for text in self.trained)


def container_of(containers: str, name: str) -> Storage:
    """The container of that name. Raises RowError (`container-unreadable`)."""
    if "://" in containers:
        return SignedContainer(containers.replace(CONTAINER, name))
    if not containers:
        raise RowError("the emulator was not told where containers are", reason="container-unreadable")
    return FolderStorage(Path(containers))


# --- asking -----------------------------------------------------------------------------------------


def answer(task: TextTask, bundles: Path) -> tuple[TextAnswer, ...]:
    """What the model says of each text, in their order."""
    model = _model(bundles / task.bundle, task.entities)
    if isinstance(model, EntityTagger):
        return tuple(TextAnswer(entities=model.predict(text)) for text in task.texts)
    return tuple(TextAnswer(classes=classes) for classes in model.predict_pages(task.texts))


@lru_cache(_MODELS)
def _model(bundle: Path, entities: bool) -> EntityTagger | TextClassifier:
    content = bundle.read_bytes()
    return EntityTagger.from_bytes(content) if entities else TextClassifier.from_bytes(content)


# --- training ---------------------------------------------------------------------------------------


def learn(task: TextTrainTask) -> LearnedTexts:
    """Measure on what is held out, with a model of the rest; the model that answers learns from all, as that
    of a row with `engine = local` does, so that both are the same. Raises RowError (`untrainable`,
    `project-unreadable`, `container-unreadable`)."""
    project, _ = project_from_json(task.file)
    texts = tuple(_labelled(project, container_of(task.containers, task.container), task.container))
    if len(texts) < FEWEST:
        raise RowError(
            f"a project has {FEWEST} labelled texts at least, this one {len(texts)}", reason="untrainable"
        )
    train = _of_entities if project.kind == "entities" else _of_classes
    return train(task, project, texts, divided(texts, task.options))


def _labelled(project: TextProject, storage: Storage, container: str) -> Iterator[LabelledText]:
    """The documents with their texts, in the order of the file; those that are not there, or no text, are
    left out."""
    for document in project.documents:
        try:
            text = storage.read(container, document.location).decode("utf-8-sig")
        except (DocumentError, UnicodeDecodeError):
            continue
        if text.strip():
            yield aligned(document, text, project.index_type)[0]


def divided(texts: Sequence[LabelledText], options: EvaluationOptions) -> Parts:
    """As the file marks them, or so many of a hundred."""
    if options.manual:
        held_out = tuple(text for text in texts if text.dataset == "test")
        return Parts("manual", tuple(text for text in texts if text.dataset != "test"), held_out)
    unmarked = [replace(text, dataset=None) for text in texts]
    if options.testing == EvaluationOptions().testing:
        parts = split(unmarked, _SEED)
        return Parts("percentage", parts.train, parts.held_out)
    drawn = sorted(unmarked, key=lambda text: hashlib.sha256(text.name.encode()).hexdigest())
    count = round(len(drawn) * options.testing / 100)
    return Parts("percentage", tuple(drawn[count:]), tuple(drawn[:count]))


def _of_classes(
    task: TextTrainTask, project: TextProject, texts: Sequence[LabelledText], parts: Parts
) -> LearnedTexts:
    multi_label = project.multi_label
    model = TextClassifier().fit(texts, project.categories, multi_label=multi_label)
    task.bundle.write_bytes(model.to_bytes())
    if not parts.measurable:
        return LearnedTexts(_unmeasured(project))
    measured = TextClassifier().fit(parts.trained, project.categories, multi_label=multi_label)
    evaluation = classifier_evaluation.measure(measured, parts.held_out, project.categories, parts.method)
    return LearnedTexts(evaluation, tuple(_outcomes(parts.held_out, evaluation)))


def _outcomes(held_out: Sequence[LabelledText], evaluation: TextEvaluation) -> Iterator[TextOutcome]:
    """Every text that was held out: what is not told as wrong was right."""
    wrong = {outcome.name: outcome for outcome in evaluation.wrong}
    for text in held_out:
        yield wrong.get(text.name) or TextOutcome(text.name, text.digest, text.classes, text.classes)


def _of_entities(
    task: TextTrainTask, project: TextProject, texts: Sequence[LabelledText], parts: Parts
) -> LearnedTexts:
    model = EntityTagger().fit(texts, project.categories)
    task.bundle.write_bytes(model.to_bytes())
    if not parts.measurable:
        return LearnedTexts(_unmeasured(project))
    measured = EntityTagger().fit(parts.trained, project.categories)
    evaluation = tagger_evaluation.measure(measured, parts.held_out, project.categories, parts.method)
    regions = tuple(_region(text, _spans(measured.predict(text.text))) for text in parts.held_out)
    return LearnedTexts(evaluation, regions=regions)


def _unmeasured(project: TextProject) -> TextEvaluation:
    return TextEvaluation(project.kind, "none", {}, {})


def _spans(entities: Sequence[FoundEntity]) -> tuple[LabelledSpan, ...]:
    return tuple(LabelledSpan(entity.category, entity.offset, entity.length) for entity in entities)


def _region(text: LabelledText, predicted: Sequence[LabelledSpan]) -> Region:
    count = offsets(text.text, "Utf16CodeUnit")
    expected, found = (
        tuple(LabelledSpan(span.category, *count.units(span.offset, span.length)) for span in spans)
        for spans in (text.spans, predicted)
    )
    return Region(text.name, count.length, expected, found)
