"""The local field extractor: learns from a few labelled forms where the values of a form type stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from pipeline.learning.evidence import surroundings
from pipeline.learning.experience import propose
from pipeline.learning.features import Scene, prepare, token_features
from pipeline.learning.fitting import Model, learn
from pipeline.learning.hashing import MASKED
from pipeline.learning.paths import track
from pipeline.learning.printed import without_printed
from pipeline.learning.spans import Candidate
from pipeline.learning.storage import model_from_bytes, model_to_bytes
from pipeline.types import Box, ExtractedField, FieldSpec, LabelledForm, Layout


class FieldExtractor:
    """`fit` on labelled forms, `predict` the fields of a layout. `model_` holds what was learned."""

    model_: Model

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, forms: Sequence[LabelledForm], fields: Sequence[FieldSpec]) -> Self:
        with threadpool_limits(limits=1):
            self.model_ = learn(forms, fields, self.seed)
        self._columns = self.model_.tokens.columns()
        return self

    def to_bytes(self) -> bytes:
        """The fitted model, to be stored; nothing of the training forms but hashes of their words."""
        return model_to_bytes(self.model_)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The extractor stored by `to_bytes`. Raises RowError (`model-unreadable`) for any other bytes."""
        extractor = cls()
        extractor.model_ = model_from_bytes(data)
        extractor._columns = extractor.model_.tokens.columns()
        return extractor

    def predict(self, layout: Layout) -> tuple[ExtractedField, ...]:
        """The values found, in the order of the fields; a field that is not there is left out."""
        model = self.model_
        scene = prepare(without_printed(layout, model.printed))
        if not len(scene):
            return ()
        share = model.recurrence.share(scene.codes[:, MASKED])
        features = token_features(scene, model.recurrence)
        around = surroundings(scene, model.tokens, self._columns[features], share)
        found, rows = propose(around, track(scene), model.experience)
        if not found:
            return ()
        odds = model.judge.log_odds(rows)
        confidence = model.calibration(odds)
        return tuple(
            _extracted(scene, model, found[best], float(confidence[best]))
            for best in _select(found, confidence, odds, model.calibration.threshold)
        )


def _select(
    found: Sequence[Candidate], confidence: NDArray[np.float64], odds: NDArray[np.float64], threshold: float
) -> list[int]:
    """The likeliest candidate of each field such that no two share a token, in the order of the fields."""
    taken: set[int] = set()
    chosen: dict[int, int] = {}
    for number in np.argsort(-odds, kind="stable").tolist():
        candidate = found[number]
        if (
            confidence[number] < threshold
            or candidate.field in chosen
            or not taken.isdisjoint(candidate.path)
        ):
            continue
        chosen[candidate.field] = number
        taken.update(candidate.path)
    return [chosen[field] for field in sorted(chosen)]


def _extracted(scene: Scene, model: Model, candidate: Candidate, confidence: float) -> ExtractedField:
    tokens = [scene.tokens.items[index] for index in candidate.path]
    first = tokens[0]
    text = first.state or scene.tokens.text(candidate.path)
    boxes = [token.box for token in tokens if token.page == first.page]
    around = Box(
        min(box.left for box in boxes),
        min(box.top for box in boxes),
        max(box.right for box in boxes),
        max(box.bottom for box in boxes),
    )
    examples = model.examples[candidate.field]
    return ExtractedField(
        model.fields[candidate.field].name,
        text,
        scene.tokens.page_numbers[first.page],
        around.polygon,
        round(min(confidence, ceiling(examples)), 4),
        float(np.mean([token.confidence for token in tokens])),
    )


def ceiling(examples: int) -> float:
    """The highest confidence that `examples` labelled values can support (Laplace's rule of succession)."""
    return (examples + 0.5) / (examples + 2.0)
