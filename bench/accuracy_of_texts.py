"""How well models of texts do on a set: entities by exact spans, classes by the share that is right.

Called by `bench/accuracy.py` for sets whose folder has a project file of the Language service, or whose
truth names classes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.accuracy_of_classes import measure_few, measure_folds, texts_by_layout
from bench.figures import figure, heading
from pipeline.errors import RowError
from pipeline.formats.offsets import aligned
from pipeline.formats.project_json import find_project, project_from_json
from pipeline.texts import CategoryScore, FoundEntity, LabelledText, TextKind, TextProject

ENTITY_FLOORS: Mapping[str, float] = {"loan_agreements": 0.90}
SURE = 0.9

_OF_FORMS = (".ocr.json", ".labels.json")


def kind_of_texts(folder: Path) -> TextKind | None:
    """What the texts of a set are labelled with; None for a set of forms."""
    if project := _project(folder):
        return project.kind
    first = json.loads((folder / "truth.jsonl").read_text().partition("\n")[0])
    return "classes" if "classes" in first else None


def measure(folder: Path, kind: TextKind, seeds: Sequence[int]) -> bool:
    """Print the figures of the set; whether its floors are reached."""
    if kind == "entities":
        return measure_entities(folder, seeds[0])
    if _project(folder):
        return measure_folds(folder.name, load(folder)[1], seeds)
    return measure_few(folder.name, texts_by_layout(folder), seeds)


def load(folder: Path) -> tuple[TextProject, list[LabelledText]]:
    """The project and its texts, as their labels stand in the project file."""
    project = _project(folder)
    assert project is not None
    texts = []
    for document in project.documents:
        text = (folder / document.location).read_bytes().decode("utf-8-sig")
        labelled, findings = aligned(document, text, project.index_type)
        texts.append(labelled)
        for finding in findings:
            print(f"{finding.subject}: {finding.message}")
    return project, texts


def _project(folder: Path) -> TextProject | None:
    try:
        files = [path for path in sorted(folder.glob("*.json")) if not path.name.endswith(_OF_FORMS)]
        _, content = find_project((path.name, path.read_bytes()) for path in files)
    except RowError:
        return None
    return project_from_json(content)[0]


# --- entities -------------------------------------------------------------------------------------


@dataclass(slots=True)
class EntityTally:
    """Counts of exact spans by category and of equal texts, and each confidence with whether it was right."""

    categories: Sequence[str]
    exact: dict[str, list[int]] = field(default_factory=dict)
    lenient: list[int] = field(default_factory=lambda: [0, 0, 0])
    given: list[tuple[float, bool]] = field(default_factory=list)

    def add(self, text: LabelledText, found: Sequence[FoundEntity]) -> None:
        labelled = {(span.category, span.offset, span.length) for span in text.spans}
        predicted = {(each.category, each.offset, each.length): each.confidence for each in found}
        for category in self.categories:
            wanted, got = (
                {span for span in spans if span[0] == category} for spans in (labelled, set(predicted))
            )
            counts = self.exact.setdefault(category, [0, 0, 0])
            for at, some in enumerate((wanted & got, got - wanted, wanted - got)):
                counts[at] += len(some)
        self.given += [(confidence, span in labelled) for span, confidence in predicted.items()]
        words = {(span.category, _words(text, span.offset, span.length)) for span in text.spans}
        heard = {(each.category, _words(text, each.offset, each.length)) for each in found}
        for at, some in enumerate((words & heard, heard - words, words - heard)):
            self.lenient[at] += len(some)

    def score(self, category: str) -> CategoryScore:
        return CategoryScore(*self.exact.get(category, (0, 0, 0)))

    def total(self) -> CategoryScore:
        return CategoryScore(*(sum(column) for column in zip(*self.exact.values(), strict=True)))


def _words(text: LabelledText, offset: int, length: int) -> str:
    return " ".join(text.text[offset : offset + length].casefold().split()).strip(".,;:()\"'")


def measure_entities(folder: Path, seed: int) -> bool:
    """Leave one text out at a time; a span is right where category, offset and length are."""
    from pipeline.learning.tagger import EntityTagger

    project, texts = load(folder)
    tally, seconds = EntityTally(project.categories), []
    for text in texts:
        rest = [other for other in texts if other is not text]
        started = time.process_time()
        data = EntityTagger().fit(rest, project.categories, seed=seed).to_bytes()
        seconds.append(time.process_time() - started)
        tally.add(text, EntityTagger.from_bytes(data).predict(text.text))
    reached = _show_entities(tally, f"entities, leave one out over {len(texts)} texts", folder.name)
    figure("training", float(np.mean(seconds)), None, "CPU s")
    figure("model", len(data) / 1e6, None, "MB")
    return reached


def _show_entities(tally: EntityTally, title: str, name: str) -> bool:
    heading(title)
    print(f"  {'category':<36}{'precision':>10}{'recall':>10}{'F1':>10}")
    for category in tally.categories:
        score = tally.score(category)
        print(f"  {category:<36}{score.precision:>10.4f}{score.recall:>10.4f}{score.f1:>10.4f}")
    total = tally.total()
    figure("precision of exact spans", total.precision)
    figure("recall of exact spans", total.recall)
    figure("micro F1 on the same text, ends trimmed", CategoryScore(*tally.lenient).f1)
    sure = [right for confidence, right in tally.given if confidence >= SURE]
    figure(f"right of entities given at {SURE:g} or more", float(np.mean(sure)) if sure else 0.0)
    figure("their share of all entities given", len(sure) / max(len(tally.given), 1))
    return figure("micro F1 of exact spans", total.f1, ENTITY_FLOORS.get(name))
