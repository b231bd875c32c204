"""A file that holds several documents, told apart by the classes of its pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

from pydantic import TypeAdapter

from pipeline.types import Layout, Page

Split = Literal["none", "auto", "perPage"]
Classify = Callable[[str], tuple[str, float]]
"""The likeliest class of a text, and how likely it is."""


@dataclass(frozen=True, slots=True)
class Group:
    """Pages that are one document, in order."""

    kind: str
    confidence: float
    pages: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SortedKind:
    """What is done with documents of a class: they are analyzed with a model, if they are of it surely
    enough, and no more than so many of a file."""

    model_id: str
    least_confidence: float = 0.0
    most_documents: int | None = None


@dataclass(frozen=True, slots=True)
class Sorting:
    """`classifier`: the name of its bytes. `kinds` by class; documents of other classes are only named."""

    classifier: str
    split: Split = "none"
    kinds: dict[str, SortedKind] = field(default_factory=dict)

    def model_of(self, group: Group, met: int) -> str:
        """The model for a document, the `met`-th of its class; empty for one that is only named."""
        kind = self.kinds.get(group.kind)
        if kind is None or group.confidence < kind.least_confidence:
            return ""
        return "" if kind.most_documents is not None and met > kind.most_documents else kind.model_id


_SORTING: TypeAdapter[Sorting | None] = TypeAdapter(Sorting | None)


def read_sorting(told: object) -> Sorting | None:
    return _SORTING.validate_python(told)


def write_sorting(sorting: Sorting) -> object:
    """As JSON; `read_sorting` reads it."""
    return cast(object, _SORTING.dump_python(sorting, mode="json"))


def groups(layout: Layout, split: Split, classify: Classify) -> Sequence[Group]:
    """One document for the whole file; `perPage` one for each page; `auto` joins neighbours of one class,
    as sure as the least sure of them."""
    if split == "none" or len(layout.pages) < 2:
        return [Group(*classify(layout.text), tuple(page.number for page in layout.pages) or (1,))]
    found: list[Group] = []
    for page in layout.pages:
        kind, confidence = classify(_text(page))
        last = found[-1] if found else None
        if split == "auto" and last is not None and last.kind == kind:
            found[-1] = Group(kind, min(last.confidence, confidence), (*last.pages, page.number))
        else:
            found.append(Group(kind, confidence, (page.number,)))
    return found


def _text(page: Page) -> str:
    return "\n".join(line.text for line in page.lines)
