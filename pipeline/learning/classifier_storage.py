"""A fitted model of classes as bytes and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.learning.archive import Arrays, finite, pack, readable, unpack
from pipeline.learning.classifier_model import ClassModel, Rounded
from pipeline.learning.classifier_ngrams import BITS, BLOCKS, Vocabulary
from pipeline.learning.classifier_trust import Trust

FORMAT = "formpipe-classes/1"
"""Changes whenever n-grams, weights or trust change meaning: an older model is then trained again."""

_LONGEST_TEXT = 10_000_000
_ARRAYS: Mapping[str, str] = {
    "buckets": "i4", "idf": "f4", "weights": "i1", "weight_scales": "f4", "bias": "f4", "centers": "i1",
    "center_scales": "f4", "offsets": "f8", "ceilings": "f8", "thresholds": "f8",
}  # fmt: skip


def model_to_bytes(model: ClassModel) -> bytes:
    """The model as one zip; equal models give equal bytes."""
    arrays: dict[str, NDArray[Any]] = {
        "buckets": model.vocabulary.buckets,
        "idf": model.vocabulary.idf,
        "weights": model.weights.steps,
        "weight_scales": model.weights.scales,
        "bias": model.bias,
        "centers": model.centers.steps,
        "center_scales": model.centers.scales,
        "offsets": model.trust.offsets,
        "ceilings": model.trust.ceilings,
        "thresholds": model.trust.thresholds,
    }
    return pack(FORMAT, _head(model), arrays, _ARRAYS)


def _head(model: ClassModel) -> dict[str, Any]:
    return {
        "classes": model.classes,
        "multi_label": model.multi_label,
        "rare": model.vocabulary.rare,
        "reach": model.vocabulary.reach,
        "slope": model.trust.slope,
        "margin": model.trust.margin,
        "nearness": model.trust.nearness,
    }


def model_from_bytes(data: bytes) -> ClassModel:
    """The model in `data`. Raises RowError (`model-unreadable`) for anything not written by this format."""
    with readable(FORMAT):
        head, arrays = unpack(FORMAT, data, lambda _: _ARRAYS)
        return _checked(_model(head, arrays), arrays)


def _model(head: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> ClassModel:
    numbers = {name: float(head[name]) for name in ("rare", "slope", "margin", "nearness")}
    if not np.isfinite(list(numbers.values())).all():
        raise ValueError("a number without value")
    return ClassModel(
        classes=tuple(str(name) for name in head["classes"]),
        multi_label=bool(head["multi_label"]),
        vocabulary=Vocabulary(arrays["buckets"], arrays["idf"], numbers["rare"], int(head["reach"])),
        weights=Rounded(arrays["weights"], arrays["weight_scales"]),
        bias=arrays["bias"],
        centers=Rounded(arrays["centers"], arrays["center_scales"]),
        trust=Trust(
            slope=numbers["slope"],
            offsets=arrays["offsets"],
            ceilings=arrays["ceilings"],
            thresholds=arrays["thresholds"],
            margin=numbers["margin"],
            nearness=numbers["nearness"],
        ),
    )


def _checked(model: ClassModel, arrays: Arrays) -> ClassModel:
    """Refuse arrays that do not fit together: an index out of range must not surface while predicting."""
    classes, vocabulary, trust = len(model.classes), model.vocabulary, model.trust
    buckets = vocabulary.buckets
    shape = (*buckets.shape, classes)
    by_class: tuple[NDArray[Any], ...] = (model.weights.scales, model.centers.scales, model.bias)
    by_class += (trust.offsets, trust.ceilings, trust.thresholds)
    fits = (
        finite(arrays)
        and classes == len(set(model.classes)) > 0
        and buckets.ndim == 1
        and buckets.size > 0
        and bool((np.diff(buckets) > 0).all())
        and int(buckets[0]) >= 0
        and int(buckets[-1]) < BLOCKS << BITS
        and vocabulary.idf.shape == buckets.shape
        and 0 < vocabulary.reach <= _LONGEST_TEXT
        and min(vocabulary.rare, trust.nearness, trust.slope) > 0
        and model.weights.steps.shape == model.centers.steps.shape == shape
        and all(array.shape == (classes,) for array in by_class)
    )
    if not fits:
        raise ValueError("parts that do not fit together")
    return model
