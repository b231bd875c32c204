"""Which labelled texts train a model and which measure it, as the Language service divides them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.texts import LabelledText

FEWEST = 10
"""Below this many texts the service measures nothing: all of them train."""

_TENTH = 10


@dataclass(frozen=True, slots=True)
class Split:
    """`train` makes the model. Nothing is tuned on `validation`, so it measures the model as `test` does."""

    method: Literal["percentage", "manual", "none"]
    train: tuple[LabelledText, ...]
    validation: tuple[LabelledText, ...]
    test: tuple[LabelledText, ...]

    @property
    def held_out(self) -> tuple[LabelledText, ...]:
        """The texts that the model was not trained on."""
        return self.validation + self.test


def split(texts: Sequence[LabelledText], seed: int) -> Split:
    """`manual` where every text is marked by its `dataset`; else 80/10/10 by the hash of their contents.

    A text stays where it is when others come and go, but for the few at the borders, and in whatever order
    the texts come; every class has its share of each part, and a class of one text trains.
    """
    if texts and all(text.dataset for text in texts):
        return Split(
            "manual",
            tuple(text for text in texts if text.dataset == "train"),
            (),
            tuple(text for text in texts if text.dataset == "test"),
        )
    if len(texts) < FEWEST:
        return Split("none", tuple(texts), (), ())
    order = _evenly_drawn(texts, seed)
    tenth = len(texts) // _TENTH
    test, validation = set(order[:tenth]), set(order[tenth : 2 * tenth])
    return Split(
        "percentage",
        tuple(text for at, text in enumerate(texts) if at not in test | validation),
        tuple(text for at, text in enumerate(texts) if at in validation),
        tuple(text for at, text in enumerate(texts) if at in test),
    )


def _evenly_drawn(texts: Sequence[LabelledText], seed: int) -> list[int]:
    """All texts in an order whose beginnings, of whatever length, hold each class by its share."""
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    keys = [_key(text, seed) for text in texts]
    for at in sorted(range(len(texts)), key=keys.__getitem__):
        groups[tuple(sorted(texts[at].classes))].append(at)
    places = {at: (rank + 0.5) / len(group) for group in groups.values() for rank, at in enumerate(group)}
    return sorted(places, key=lambda at: (places[at], keys[at]))


def _key(text: LabelledText, seed: int) -> tuple[str, str]:
    content = text.digest or hashlib.sha256(text.text.encode("utf-8", "surrogatepass")).hexdigest()
    return hashlib.sha256(f"{seed}:{content}".encode()).hexdigest(), text.name
