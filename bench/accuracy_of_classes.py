"""How well classes of texts are told, and whether confidences say how often an answer is right.

A set with a project file is cut into five parts, each predicted by a model of the others. Of any other
(`truth.jsonl` names the classes, `.ocr.json` files hold the words; file names are not looked at) ten texts
of each class are learned from and the rest are measured. Called by `bench/accuracy_of_texts.py`.
"""

from __future__ import annotations

import json
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.figures import figure, heading
from pipeline.formats.ocr_json import layout_from_json
from pipeline.learning.classifier import TextClassifier
from pipeline.learning.classifier_evaluation import measure
from pipeline.texts import LabelledText

FLOORS: Mapping[str, float] = {"webofscience": 0.80, "fara": 0.97}
FOLDS, PER_CLASS = 5, 10
SURE, SURE_RIGHT = 0.9, 0.9
MOST_SECONDS, MOST_MEGABYTES = 60.0, 5.0
_BINS = 10

Texts = Sequence[LabelledText]
Parts = tuple[Texts, Texts]


@dataclass(frozen=True, slots=True)
class Round:
    """Answers of one seed: each confidence with whether it was right; and what its last model cost."""

    given: Sequence[tuple[float, bool]]
    confusion: Mapping[str, Mapping[str, int]]
    train_seconds: float
    megabytes: float

    @property
    def accuracy(self) -> float:
        return float(np.mean([right for _, right in self.given]))


def texts_by_layout(folder: Path) -> list[LabelledText]:
    """The words of the `.ocr.json` files under numbers for names, with the classes of `truth.jsonl`."""
    texts = []
    for number, line in enumerate((folder / "truth.jsonl").read_text().splitlines()):
        truth = json.loads(line)
        layout = layout_from_json(json.loads((folder / f"{truth['file']}.ocr.json").read_bytes()))
        text = "\n".join(line.text for page in layout.pages for line in page.lines)
        texts.append(LabelledText(str(number), text, classes=tuple(truth["classes"])))
    return texts


def measure_folds(name: str, texts: Texts, seeds: Sequence[int]) -> bool:
    """Print the figures of five folds for each seed; whether the floors are reached."""
    title = f"classes, {FOLDS} folds of {len(texts)} texts, seeds {_listed(seeds)}"
    return _show(title, name, [_round(folds(texts, seed), texts) for seed in seeds])


def measure_few(name: str, texts: Texts, seeds: Sequence[int]) -> bool:
    """Print the figures of models of ten texts of each class; whether the floors are reached."""
    title = f"classes, {PER_CLASS} training texts of each, {len(texts)} in all, seeds {_listed(seeds)}"
    return _show(title, name, [_round([few(texts, seed)], texts) for seed in seeds])


def folds(texts: Texts, seed: int) -> Iterator[Parts]:
    """Each fifth of every class once as the measured part."""
    groups = _shuffled(texts, seed)
    for fold in range(FOLDS):
        measured = {at for group in groups for at in group[fold::FOLDS]}
        yield _parts(texts, measured)


def few(texts: Texts, seed: int) -> Parts:
    """Ten of each class, and the rest."""
    return _parts(texts, {at for group in _shuffled(texts, seed) for at in group[PER_CLASS:]})


def _shuffled(texts: Texts, seed: int) -> list[list[int]]:
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for at in random.Random(seed).sample(range(len(texts)), len(texts)):
        groups[texts[at].classes].append(at)
    return list(groups.values())


def _parts(texts: Texts, measured: set[int]) -> Parts:
    return (
        [text for at, text in enumerate(texts) if at not in measured],
        [text for at, text in enumerate(texts) if at in measured],
    )


def _round(parts: Sequence[Parts] | Iterator[Parts], texts: Texts) -> Round:
    categories = sorted({name for text in texts for name in text.classes})
    given: list[tuple[float, bool]] = []
    confusion: dict[str, dict[str, int]] = {name: dict.fromkeys(categories, 0) for name in categories}
    for train, measured in parts:
        started = time.process_time()
        data = TextClassifier().fit(train, categories).to_bytes()
        seconds = time.process_time() - started
        classifier = TextClassifier.from_bytes(data)
        answers = classifier.predict_pages([text.text for text in measured])
        for text, (best, *_) in zip(measured, answers, strict=True):
            given.append((best.confidence, best.category in text.classes))
        for labelled, row in measure(classifier, measured, categories, "cross-validation").confusion.items():
            for predicted, count in row.items():
                confusion[labelled][predicted] += count
    return Round(given, confusion, seconds, len(data) / 1e6)


def _show(title: str, name: str, rounds: Sequence[Round]) -> bool:
    heading(title)
    for labelled, row in rounds[0].confusion.items():
        print(f"  {labelled:<28}" + "".join(f"{count:>5}" for count in row.values()))
    given = [answer for each in rounds for answer in each.given]
    sure = [right for confidence, right in given if confidence >= SURE]
    figure("expected calibration error", calibration_error(given))
    figure("share of answers given at 0.9 or more", len(sure) / len(given))
    figure("least accuracy of a seed", min(each.accuracy for each in rounds))
    return all(
        [
            figure("accuracy", float(np.mean([each.accuracy for each in rounds])), FLOORS.get(name)),
            figure(
                "right of answers given at 0.9 or more", float(np.mean(sure)) if sure else 0.0, SURE_RIGHT
            ),
            figure("training", rounds[-1].train_seconds, MOST_SECONDS, "CPU s", at_most=True),
            figure("model", rounds[-1].megabytes, MOST_MEGABYTES, "MB", at_most=True),
        ]
    )


def calibration_error(given: Sequence[tuple[float, bool]]) -> float:
    """The mean distance, over ten bins by confidence, of what is promised to what is right."""
    confidences, right = np.array(list(given), dtype=np.float64).T
    bins = np.minimum((confidences * _BINS).astype(int), _BINS - 1)
    gaps = [abs((confidences - right)[bins == each].sum()) for each in np.unique(bins)]
    return float(sum(gaps) / len(given))


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))
