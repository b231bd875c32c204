"""What `formpipe models show` tells of a model of texts."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine
from typer.testing import Result

from pipeline.cli.models_text import print_texts
from pipeline.texts import CategoryScore, TextEvaluation, TextOutcome
from pipeline.training import registry
from pipeline.training.records import TrainingDocument, TrainingFolder
from pipeline.types import Evaluation, FieldOutcome, FormType, ModelKind, Trained

Run = Callable[..., Result]
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DOCUMENT = TrainingDocument("a.txt", "e", 1, "digest", (), "labels")
CLASSES = TextEvaluation(
    "classes",
    "percentage",
    {"[letter]": CategoryScore(3, 1, 0, 2), "bill": CategoryScore(2, 0, 1, 3)},
    {"bill": {"bill": 2, "[letter]": 1}, "[letter]": {"[letter]": 3}},
    (TextOutcome("train/odd.txt", "d1", ("bill",), ("[letter]",)),),
    6,
)
ENTITIES = TextEvaluation(
    "entities",
    "manual",
    {"Party": CategoryScore(8, 2, 0), "Sum": CategoryScore(1, 0, 3)},
    {},
    (TextOutcome("train/odd.txt", "d1", ("Sum", "Sum"), ("Party",)),),
    4,
)


@pytest.fixture
def show(database: Engine, row: Callable[..., None], run: Run) -> Callable[..., str]:
    """The answer about a version that was measured so."""

    def answer(texts: TextEvaluation, *arguments: str) -> str:
        kind: ModelKind = texts.kind
        row("mail", model_kind=kind)
        form_type = FormType("mail", "mail", "lake", "train/", "lake", "", model_kind=kind)
        folder = TrainingFolder("lake", "train/", True, (DOCUMENT,), (DOCUMENT,), (), "f1")
        outcome = FieldOutcome("train/odd.txt", "i1", "class", True, True, False)
        with database.begin() as connection:
            started = registry.start_version(connection, form_type, folder, NOW)
            evaluation = Evaluation("hold-out", (outcome,), texts=texts)
            registry.finish(connection, started.id, Trained(b"m", (), evaluation, 6))
        shown = run("models", "show", "mail", *arguments)
        assert shown.exit_code == 0
        return shown.output

    return answer


def cells(shown: str) -> list[list[str]]:
    return [line.split() for line in shown.splitlines()]


def test_classes_are_told_with_scores_confusion_and_what_came_out_wrong(show: Callable[..., str]) -> None:
    shown = cells(show(CLASSES))
    assert ["bill", "1.000", "0.667", "0.800", "2", "0", "1"] in shown
    assert ["all", "0.833", "0.833", "0.833", "5", "1", "1"] in shown
    assert ["f1", "0.833"] in shown
    assert ["bill", "2", "1"] in shown
    assert ["train/odd.txt", "bill", "[letter]"] in shown
    assert ["model_kind", "classes"] in shown


def test_entities_are_told_with_what_was_missed_and_made_up(show: Callable[..., str]) -> None:
    shown = show(ENTITIES)
    assert ["Sum", "1.000", "0.250", "0.400", "1", "0", "3"] in cells(shown)
    assert ["train/odd.txt", "Sum", "(2)", "Party"] in cells(shown)
    assert "marks for test: 4 texts" in shown
    assert "predicted (across)" not in shown


def test_json_has_it_all(show: Callable[..., str]) -> None:
    told = json.loads(show(CLASSES, "--output", "json"))
    assert told["f1"] == pytest.approx(5 / 6)
    assert told["texts"]["confusion"] == CLASSES.confusion
    assert told["texts"]["categories"]["bill"]["recall"] == 0.6667
    assert told["texts"]["wrong"] == [
        {"name": "train/odd.txt", "labelled": ["bill"], "predicted": ["[letter]"]}
    ]


def test_of_many_classes_only_what_was_mistaken_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"class{number}" for number in range(20)]
    confusion = {name: {name: 5} for name in names} | {"class3": {"class3": 4, "class7": 1}}
    scores = {name: CategoryScore(5) for name in names}
    print_texts(TextEvaluation("classes", "percentage", scores, confusion, (), 100))
    shown = capsys.readouterr().out
    assert ["class3", "class7", "1"] in cells(shown)
    assert "predicted (across)" not in shown
