"""Frozen records of texts: how they are labelled, and what a model of texts says. Offsets and lengths count
code points (`len` of a `str`); the services' UTF-16 units stay inside the codecs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

TextKind = Literal["entities", "classes"]
Dataset = Literal["train", "test"]
IndexType = Literal["Utf16CodeUnit", "UnicodeCodePoint", "TextElements_v8"]
ProjectKind = Literal["entities", "single", "multi"]
"""What a project of the Language service is for: entities, one class a text, or any number of classes."""

CLASS, CONFIDENCE, CLASSES = "class", "confidence", "classes"
"""The fields of a classifier's answer: its class (of several one occurrence each, the likeliest first), how
sure it is of the likeliest, and, of a multi-label model, all of them in one text."""


def project_kind(kind: TextKind, *, multi_label: bool = False) -> ProjectKind:
    if kind == "entities":
        return "entities"
    return "multi" if multi_label else "single"


@dataclass(frozen=True, slots=True)
class TextModelId:
    """A deployed model of texts as rows and versions carry its id: `project:deployment`, with `:multi` after
    it where a text may have any number of classes. Names of the service hold no `:`."""

    project: str
    deployment: str
    multi_label: bool = False

    def __str__(self) -> str:
        return f"{self.project}:{self.deployment}" + (":multi" if self.multi_label else "")

    @classmethod
    def parse(cls, text: str) -> TextModelId | None:
        """None where this is no such id."""
        project, _, rest = text.partition(":")
        deployment, more, multi = rest.partition(":")
        if not project or not deployment or (more and multi != "multi"):
            return None
        return cls(project, deployment, multi == "multi")


# --- training -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LabelledSpan:
    """A stretch of a text that is an entity of a category."""

    category: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A training document with its text. `spans` are its entities, `classes` its classes (one, or any number
    where a project is multi label). `dataset`: what the file marks it for, None where it leaves that to the
    split. `name` is the blob path, `digest` the hash of content and labels."""

    name: str
    text: str
    spans: tuple[LabelledSpan, ...] = ()
    classes: tuple[str, ...] = ()
    dataset: Dataset | None = None
    digest: str = ""


@dataclass(frozen=True, slots=True)
class ProjectDocument:
    """A document of a project file: `location` is its path beside the file. `spans` count in the units of the
    project's `index_type`, whatever those are."""

    location: str
    language: str | None = None
    dataset: Dataset | None = None
    spans: tuple[LabelledSpan, ...] = ()
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TextProject:
    """A project file of the Language service. `categories`: all entity types or classes, in its order."""

    kind: TextKind
    categories: tuple[str, ...]
    documents: tuple[ProjectDocument, ...]
    multi_label: bool = False
    index_type: IndexType = "Utf16CodeUnit"
    name: str = ""
    language: str | None = None
    multilingual: bool = False
    container: str = ""


@dataclass(frozen=True, slots=True)
class TextDocument:
    """A text that a service is asked about. `id` is the caller's, unique within a request."""

    id: str
    text: str
    language: str | None = None


# --- answers --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FoundEntity:
    """An entity that a model found; `text` is the stretch itself."""

    category: str
    text: str
    offset: int
    length: int
    confidence: float


@dataclass(frozen=True, slots=True)
class FoundClass:
    category: str
    confidence: float


@dataclass(frozen=True, slots=True)
class TextAnswer:
    """What a model says of one text. `classes`, best first: of a single-label model every class with its
    probability, the first of which is the answer; of a multi-label model the classes that it gives."""

    entities: tuple[FoundEntity, ...] = ()
    classes: tuple[FoundClass, ...] = ()


# --- evaluation -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TextOutcome:
    """A text that was held out: the classes it is labelled with, and those that were predicted."""

    name: str
    digest: str
    labelled: tuple[str, ...] = ()
    predicted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CategoryScore:
    """Counts of one entity type or class over the texts that were held out."""

    true_positives: int = 0
    false_positives: int = 0
    false_negatives: int = 0
    true_negatives: int = 0

    @property
    def precision(self) -> float:
        found = self.true_positives + self.false_positives
        return self.true_positives / found if found else 0.0

    @property
    def recall(self) -> float:
        there = self.true_positives + self.false_negatives
        return self.true_positives / there if there else 0.0

    @property
    def f1(self) -> float:
        total = 2 * self.true_positives + self.false_positives + self.false_negatives
        return 2 * self.true_positives / total if total else 0.0


@dataclass(frozen=True, slots=True)
class TextEvaluation:
    """How well a model of texts did on those that it was not trained on. `confusion[labelled][predicted]`
    counts texts of a single-label project; `wrong` are the texts whose classes were predicted wrong."""

    kind: TextKind
    method: Literal["percentage", "manual", "cross-validation", "service", "none"]
    categories: Mapping[str, CategoryScore]
    confusion: Mapping[str, Mapping[str, int]]
    wrong: tuple[TextOutcome, ...] = ()
    documents: int = 0

    @property
    def micro_f1(self) -> float:
        return self._total().f1

    @property
    def micro_precision(self) -> float:
        return self._total().precision

    @property
    def micro_recall(self) -> float:
        return self._total().recall

    def _total(self) -> CategoryScore:
        scores = self.categories.values()
        return CategoryScore(
            sum(score.true_positives for score in scores),
            sum(score.false_positives for score in scores),
            sum(score.false_negatives for score in scores),
            sum(score.true_negatives for score in scores),
        )
