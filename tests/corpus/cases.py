"""What a document of the corpus is, and how it may end."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal, NamedTuple

from pipeline.demo.invoice_layouts import INVOICE

Outcome = Literal["dead", "partial", "loaded", "skipped"]
LOADED: frozenset[Outcome] = frozenset({"loaded"})
DEAD: frozenset[Outcome] = frozenset({"dead"})
READ: frozenset[Outcome] = frozenset({"loaded", "partial"})
POOR: frozenset[Outcome] = frozenset({"partial", "dead"})
ANY: frozenset[Outcome] = frozenset({"loaded", "partial", "dead"})
PERHAPS_LISTED: frozenset[Outcome] = frozenset({"loaded", "skipped"})
PASSED_OVER: frozenset[Outcome] = frozenset({"skipped", "dead"})

UNSUPPORTED = frozenset({"unsupported-content"})
LOCKED = frozenset({"password-protected"})
NO_PAGES = frozenset({"no-pages", "damaged-pdf"})
TOO_LARGE = frozenset({"image-too-large", "damaged-image"})


@dataclass(frozen=True, slots=True)
class Broken:
    """A document of the corpus, and how it may end in a run.

    `reasons`: where it ends `dead`, the reason is one of these; empty: it may be any.
    """

    name: str
    wrong: str
    outcomes: frozenset[Outcome]
    reasons: frozenset[str] = frozenset()


class Case(NamedTuple):
    document: Broken
    body: bytes


def case(
    name: str,
    wrong: str,
    body: bytes,
    outcomes: frozenset[Outcome] = ANY,
    reasons: frozenset[str] = frozenset(),
) -> Case:
    return Case(Broken(name, wrong, outcomes, reasons), body)


def sound_invoice(variety: str) -> bytes:
    """A sound invoice of a known layout; `variety` seeds what it says."""
    return INVOICE.draw("classic", Random(variety)).pdf
