"""What a form type of the demo is, and the few arrangements its layouts are built from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Literal, NamedTuple

from pipeline.demo.entries import Entry, Manner
from pipeline.demo.ink import Ink
from pipeline.demo.sheet import Drawing, Printed, Sheet
from pipeline.types import FieldSpec

Medium = Literal["pdf", "scan"]
Draw = Callable[[Random, Manner], Drawing]


class Pair(NamedTuple):
    """A printed key and what is filled in beside it; None: left blank."""

    key: str
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class Layout:
    """One way a form type is printed."""

    draw: Draw
    manner: Manner


@dataclass(frozen=True, slots=True)
class FormDesign:
    """A form type: its fields, its layouts; the layout `unseen` is never among the training forms."""

    form_type: str
    description: str
    locale: str
    medium: Medium
    fields: tuple[FieldSpec, ...]
    layouts: Mapping[str, Layout]
    unseen: str

    @property
    def seen(self) -> tuple[str, ...]:
        return tuple(name for name in self.layouts if name != self.unseen)

    def draw(self, layout: str, random: Random) -> Drawing:
        chosen = self.layouts[layout]
        return chosen.draw(random, chosen.manner)

    def answers(self, drawing: Drawing) -> tuple[Printed, ...]:
        """What was printed of this type's fields, in their order; decoys and absent fields are left out."""
        printed = {each.entry.field: each for each in drawing.printed}
        return tuple(printed[spec.name] for spec in self.fields if spec.name in printed)


def beside(sheet: Sheet, x: float, y: float, gap: float, pair: Pair, key: Ink, value: Ink) -> None:
    """Key at x, value `gap` further right on the same baseline."""
    sheet.text(x, y, pair.key, key)
    if pair.entry:
        sheet.entry(x + gap, y, pair.entry, value, pair.key)


def above(sheet: Sheet, x: float, y: float, pair: Pair, key: Ink, value: Ink) -> None:
    """Key at y, value one line below it."""
    sheet.text(x, y, pair.key, key)
    if pair.entry:
        sheet.entry(x, y + value.size * 1.35, pair.entry, value, pair.key)


def column(
    sheet: Sheet, x: float, y: float, gap: float, pairs: Iterable[Pair], key: Ink, value: Ink, step: float
) -> float:
    """Pairs one below the other, values beside their keys; answers where the next would stand."""
    for pair in pairs:
        beside(sheet, x, y, gap, pair, key, value)
        y += step
    return y


def given(*pairs: Pair) -> list[Pair]:
    """The pairs that have an entry: for layouts that leave out what is not filled in."""
    return [pair for pair in pairs if pair.entry]
