"""The local entity tagger: learns from labelled texts which stretches are entities of which category."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from pipeline.learning.tagger_fitting import TaggerModel, learn
from pipeline.learning.tagger_search import Sighting, select
from pipeline.learning.tagger_storage import tagger_from_bytes, tagger_to_bytes
from pipeline.learning.tagger_tokens import Tokens, tokenize
from pipeline.texts import FoundEntity, LabelledText


class EntityTagger:
    """`fit` on labelled texts, `predict` the entities of a text. `model_` holds what was learned."""

    model_: TaggerModel

    def fit(self, texts: Sequence[LabelledText], categories: Sequence[str], *, seed: int = 0) -> Self:
        """Learn the entities of `categories`; one that no text has is never found.

        Raises RowError (`untrainable`) where no text has any.
        """
        with threadpool_limits(limits=1):
            self.model_ = learn(texts, categories, seed)
        return self

    def to_bytes(self) -> bytes:
        """The fitted model, to be stored; nothing of the training texts but hashes of their words."""
        return tagger_to_bytes(self.model_)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The tagger stored by `to_bytes`. Raises RowError (`model-unreadable`) for any other bytes."""
        tagger = cls()
        tagger.model_ = tagger_from_bytes(data)
        return tagger

    def predict(self, text: str) -> tuple[FoundEntity, ...]:
        """The entities found, in the order of the text; no two overlap. Offsets count code points."""
        tokens = tokenize(text)
        chosen = select(self.model_.sightings(tokens), self.model_.most)
        found = (_entity(self.model_, text, tokens, sighting) for sighting in chosen)
        return tuple(entity for entity in found if entity is not None)


def _entity(model: TaggerModel, text: str, tokens: Tokens, sighting: Sighting) -> FoundEntity | None:
    """None where it is too unsure to be given."""
    confidence = float(model.calibration(np.array([sighting.log_odds]))[0])
    if confidence < model.calibration.threshold:
        return None
    start, end = int(tokens.starts[sighting.first]), int(tokens.ends[sighting.end - 1])
    bounded = min(confidence, ceiling(model.examples[sighting.category]))
    category = model.categories[sighting.category]
    return FoundEntity(category, text[start:end], start, end - start, round(bounded, 4))


def ceiling(examples: int) -> float:
    """The highest confidence that so many labelled entities can support (Laplace's rule of succession)."""
    return (examples + 1) / (examples + 2)
