"""What a form type asks for. Layout confidence (were the words read well?) and field confidence (was the
right value found?) have different remedies, so they are never mixed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.reports.summary import GOOD_LAYOUT_TENTH, FieldConfidence, FormTypeSummary

Cause = Literal["layout", "model", "ambiguous"]

_MOST_FIELDS = 3
_GOOD_LAYOUT = GOOD_LAYOUT_TENTH / 10


@dataclass(frozen=True, slots=True)
class Advice:
    """Why values wait for a person, how many, in which fields most, and what would help."""

    cause: Cause
    values: int
    fields: tuple[str, ...]
    remedy: str

    @property
    def text(self) -> str:
        number = "1 value" if self.values == 1 else f"{self.values:,} values"
        return f"{number} to check: {_CAUSES[self.cause]}, most in {', '.join(self.fields)}. {self.remedy}"


_CAUSES: dict[Cause, str] = {
    "layout": f"words that were read badly (layout confidence under {_GOOD_LAYOUT})",
    "model": "words read well, but the field is in doubt",
    "ambiguous": "texts that read as two different values",
}
_REMEDIES: dict[Cause, str] = {
    "layout": "Better scans help (300 dpi, straight, even light); training forms do not.",
    "model": "More training forms help, and likelier ones: label some of these documents.",
    "ambiguous": "Set the locale of the row, or a date order for the field.",
}
_COUNTS: dict[Cause, Callable[[FieldConfidence], int]] = {
    "layout": lambda field: field.review_read_badly,
    "model": lambda field: field.review_read_well,
    "ambiguous": lambda field: field.ambiguous,
}


def advise(summary: FormTypeSummary) -> tuple[Advice, ...]:
    """What would help a form type, the most frequent cause first; nothing where no value waits."""
    found = (_of_cause(cause, summary.fields) for cause in _COUNTS)
    return tuple(sorted((a for a in found if a.values), key=lambda a: -a.values))


def _of_cause(cause: Cause, fields: Sequence[FieldConfidence]) -> Advice:
    count = _COUNTS[cause]
    worst = sorted((f for f in fields if count(f)), key=lambda f: (-count(f), f.field))
    names = tuple(field.field for field in worst[:_MOST_FIELDS])
    return Advice(cause, sum(map(count, fields)), names, _REMEDIES[cause])
