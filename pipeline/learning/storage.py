"""A fitted field model as bytes and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.learning.archive import Arrays, finite, pack, readable, unpack
from pipeline.learning.calibration import Calibration
from pipeline.learning.evidence import WIDTH, Habits
from pipeline.learning.experience import Experience, is_mark
from pipeline.learning.fitting import Model
from pipeline.learning.hashing import BITS
from pipeline.learning.judge import Judge
from pipeline.learning.linear import HEADS, TokenModel
from pipeline.learning.printed import PrintedPages
from pipeline.learning.recurrence import Recurrence
from pipeline.learning.spans import Extent
from pipeline.types import FieldSpec

FORMAT = "formpipe-fields/2"
"""Changes whenever features, evidence or arrays change meaning: an older model is then trained again."""

_TREES = ("feature", "threshold", "left", "right", "value")
_ARRAYS: Mapping[str, str] = {
    "words": "u8", "counts": "i4", "buckets": "i4", "weights": "i2", "scales": "f4", "bias": "f4",
    "start": "f4", "linear": "f4", "feature": "i2", "threshold": "f4", "left": "i2", "right": "i2",
    "value": "f4", "odds": "f8", "confidence": "f8", "printed": "u4", "ends": "i4",
}  # fmt: skip


def model_to_bytes(model: Model) -> bytes:
    """The model as one zip; equal models give equal bytes."""
    arrays = {
        "words": model.recurrence.words,
        "counts": model.recurrence.counts,
        "buckets": model.tokens.buckets,
        "weights": model.tokens.weights,
        "scales": model.tokens.scales,
        "bias": model.tokens.bias,
        "start": model.judge.start,
        "linear": model.judge.linear,
        **{name: getattr(model.judge, name) for name in _TREES},
        "odds": model.calibration.odds,
        "confidence": model.calibration.confidence,
        "printed": model.printed.words,
        "ends": model.printed.ends,
    }
    return pack(FORMAT, _head(model), arrays, _ARRAYS)


def _head(model: Model) -> dict[str, Any]:
    return {
        "fields": [asdict(spec) for spec in model.fields],
        "forms": model.forms,
        "examples": model.examples,
        "extents": [asdict(extent) for extent in model.experience.extents],
        "usual": [asdict(habit) for habit in model.experience.usual],
        "depth": model.judge.depth,
        "threshold": model.calibration.threshold,
    }


def model_from_bytes(data: bytes) -> Model:
    """The model in `data`. Raises RowError (`model-unreadable`) for anything not written by this format."""
    with readable(FORMAT):
        head, arrays = unpack(FORMAT, data, lambda _: _ARRAYS)
        return _checked(_model(head, arrays), arrays)


def _model(head: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Model:
    fields = tuple(FieldSpec(**spec) for spec in head["fields"])
    return Model(
        fields=fields,
        forms=int(head["forms"]),
        examples=tuple(int(count) for count in head["examples"]),
        experience=Experience(
            is_mark(fields),
            tuple(Extent(**extent) for extent in head["extents"]),
            tuple(_habits(habit) for habit in head["usual"]),
        ),
        recurrence=Recurrence(arrays["words"], arrays["counts"], int(head["forms"])),
        tokens=TokenModel(arrays["buckets"], arrays["weights"], arrays["scales"], arrays["bias"]),
        judge=Judge(
            start=arrays["start"],
            linear=arrays["linear"],
            feature=arrays["feature"],
            threshold=arrays["threshold"],
            left=arrays["left"],
            right=arrays["right"],
            value=arrays["value"],
            depth=int(head["depth"]),
        ),
        calibration=Calibration(arrays["odds"], arrays["confidence"], float(head["threshold"])),
        printed=PrintedPages(arrays["printed"], arrays["ends"]),
    )


def _habits(habit: Mapping[str, Any]) -> Habits:
    tables = {
        name: {int(key): float(share) for key, share in (habit[name] or {}).items()}
        for name in ("kinds", "shapes", "known")
    }
    return Habits(int(habit["values"]), float(habit["tokens"]), float(habit["letters"]), **tables)


def _checked(model: Model, arrays: Arrays) -> Model:
    """Refuse arrays that do not fit together: an index out of range must not surface while predicting."""
    fields, tokens, judge, curve = len(model.fields), model.tokens, model.judge, model.calibration
    per_field = (model.examples, model.experience.extents, model.experience.usual)
    trees = {getattr(judge, name).shape for name in _TREES}
    fits = (
        finite(arrays)
        and all(len(part) == fields for part in per_field)
        and tokens.weights.shape == (len(tokens.buckets), HEADS, fields + 1)
        and tokens.scales.shape == tokens.bias.shape == (HEADS, fields + 1)
        and _ascending(tokens.buckets, 1 << BITS)
        and model.recurrence.words.shape == model.recurrence.counts.shape
        and judge.start.shape == (fields,)
        and judge.linear.shape == (WIDTH,)
        and len(trees) == 1
        and judge.feature.ndim == 2
        and _within(judge.feature, WIDTH)
        and _within(judge.left, judge.feature.shape[1])
        and _within(judge.right, judge.feature.shape[1])
        and 0 <= judge.depth <= 64
        and curve.odds.shape == curve.confidence.shape
        and len(curve.odds) > 1
        and model.printed.words.ndim == model.printed.ends.ndim == 1
        and bool((np.diff(model.printed.ends) >= 0).all())
        and (len(model.printed.words) == (int(model.printed.ends[-1]) if len(model.printed.ends) else 0))
    )
    if not fits:
        raise ValueError("parts that do not fit together")
    return model


def _ascending(values: NDArray[Any], end: int) -> bool:
    return values.ndim == 1 and bool((np.diff(values) > 0).all()) and _within(values, end)


def _within(values: NDArray[Any], end: int) -> bool:
    return values.size == 0 or (int(values.min()) >= 0 and int(values.max()) < end)
