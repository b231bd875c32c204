"""A document classifier for the emulator: words of the pages, weighted, into a linear model.

What is kept of a training are the texts by class; the model is fitted again where it is used, which for the
sizes of a rehearsal takes a fraction of a second and needs no file format of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

LEAST_DOCUMENTS = 5
LEAST_CLASSES = 2


def keep(texts: Mapping[str, Sequence[str]], bundle: Path) -> None:
    """Keep the texts of each class."""
    bundle.write_text(json.dumps(texts, ensure_ascii=False), encoding="utf-8")


def kept(bundle: Path) -> dict[str, list[str]]:
    """The texts of each class; training goes on from them with more."""
    texts: dict[str, list[str]] = json.loads(bundle.read_text(encoding="utf-8"))
    return texts


class Classifier:
    """Fitted to what was kept."""

    def __init__(self, bundle: Path) -> None:
        texts = kept(bundle)
        names = [name for name, each in texts.items() for _ in each]
        self._model: Any = make_pipeline(
            TfidfVectorizer(token_pattern=r"(?u)\b\w+\b", sublinear_tf=True),
            LogisticRegression(C=100.0, max_iter=1000),
        )
        self._model.fit([text for each in texts.values() for text in each], names)

    def classify(self, text: str) -> tuple[str, float]:
        """The likeliest class of a text and its probability."""
        chances = self._model.predict_proba([text])[0]
        best = int(chances.argmax())
        return str(self._model.classes_[best]), float(chances[best])
