"""Whatever the Language service answers, and whatever its emulator is asked: a named error, or records that
make sense."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from pipeline.engines.language import LanguageEngine
from pipeline.errors import FormpipeError
from pipeline.remote import Operation, OperationState, TextItem
from pipeline.texts import TextDocument, TextEvaluation
from pipeline.wire.language import (
    encode_evaluation,
    encode_jobs,
    encode_results,
    requests,
    server_requests,
)
from pipeline.wire.language.records import EvaluationOptions, Project, TrainingJob
from pipeline.wire.language.server_refusals import BadRequestError
from pipeline.wire.language.server_texts import read_texts
from pipeline.wire.language.versions import VERSIONS, Version
from tests.fuzz.json_mutation import mutated
from tests.unit.engines.scripted import Clock, Scripted, ScriptedTransport, client_over
from tests.unit.wire.samples import answers
from tests.unit.wire.test_language_encode import CLASSES, ENTITIES, FAULT, SINGLE, job, task

SEED = int(os.environ.get("FORMPIPE_TEST_FUZZ_SEED", "20261121"))
ENDPOINT = "https://r.cognitiveservices.azure.com"
TEXTS_URL = f"{ENDPOINT}/language/analyze-text/jobs/1?api-version=2022-05-01"
TRAINING_URL = f"{ENDPOINT}/language/authoring/analyze-text/projects/P/train/jobs/1"
_LONGEST = 60_000


def broken(body: bytes, random: Random) -> tuple[bytes, str]:
    """The body with faults. Below a test the deepest trees are too deep to be made: another is made then."""
    while True:
        try:
            return mutated(body, random)
        except RecursionError:
            continue


def analyses() -> list[bytes]:
    items = [TextItem("1", ENTITIES), TextItem("2", fault=FAULT)]
    kinds: list[tuple[Any, Any]] = [("entities", ENTITIES), ("single", CLASSES), ("multi", CLASSES)]
    made = [
        encode_results.analysis(version, job(), "n", [task(kind, TextItem("1", found), items[1])])
        for version in VERSIONS.values()
        for kind, found in kinds
    ]
    recorded = [one.body for one in answers("language") if "tasks" in one.body]
    return [body for one in (*made, *recorded) if len(body := json.dumps(one).encode()) < _LONGEST]


def trainings() -> list[bytes]:
    told = TrainingJob(job("failed", FAULT), "m")
    return [json.dumps(encode_jobs.training(version, told)).encode() for version in VERSIONS.values()]


def polled(url: str, body: bytes) -> OperationState | None:
    """Without further pages: what the link to one leads to is answered with a refusal."""
    transport = ScriptedTransport(Scripted(200, body), *[Scripted(404, {"error": {"code": "x"}})] * 2)
    engine = LanguageEngine(client_over(transport, ENDPOINT, Clock()), "2022-05-01")
    try:
        return engine.poll(Operation(1, "analyze", url))
    except FormpipeError:
        return None


def require_sense(state: OperationState) -> None:
    for item in state.texts:
        assert isinstance(item.document_id, str)
        assert (item.answer is None) != (item.fault is None)
        if item.answer is None:
            continue
        assert all(0 <= one.confidence <= 1 for one in item.answer.classes)
        for entity in item.answer.entities:
            assert entity.offset >= 0 and entity.length >= 0
            assert 0 <= entity.confidence <= 1
            assert isinstance(entity.text, str) and isinstance(entity.category, str)


@pytest.mark.parametrize("number", range(4))
def test_whatever_is_answered_to_a_poll(number: int) -> None:
    random = Random(f"{SEED}:{number}")
    read = 0
    for seed, url in [(each, TEXTS_URL) for each in analyses()] + [
        (each, TRAINING_URL) for each in trainings()
    ]:
        for _ in range(15):
            body, how = broken(seed, random)
            try:
                state = polled(url, body)
            except Exception as error:
                raise AssertionError(f"{how}: {type(error).__name__}") from error
            if state is not None:
                read += 1
                require_sense(state)
    assert read > 50, "most of what is wrong in one place is still read"


def test_whatever_is_told_of_an_evaluation() -> None:
    random = Random(SEED)
    summary = json.dumps(encode_evaluation.summary("single", SINGLE, EvaluationOptions())).encode()
    details = json.dumps({"value": [encode_evaluation.outcome("single", one, "en") for one in SINGLE.wrong]})
    for _ in range(300):
        parts = [broken(summary, random)[0], broken(details.encode(), random)[0]]
        transport = ScriptedTransport(*(Scripted(200, part) for part in parts), *[Scripted(404)] * 2)
        engine = LanguageEngine(client_over(transport, ENDPOINT, Clock()), "2022-05-01")
        try:
            found = engine.evaluation("P", "m")
        except FormpipeError:
            continue
        assert isinstance(found, TextEvaluation)
        assert 0 <= found.micro_f1 <= 1


def asked(version: Version) -> list[tuple[dict[str, Any] | None, Callable[[object], object]]]:
    """Requests as they should be, and what reads them."""
    documents = [TextDocument("1", "a"), TextDocument("2", "b", "en")]
    metadata = {"projectKind": "CustomEntityRecognition", "modelType": "Extraction"}
    metadata["storageInputContainerName"] = "c"
    file = {"projectFileVersion": "1", "metadata": metadata, "assets": {"documents": []}}
    return [
        (requests.analyze(version, "P", "d", "entities", documents).json, lambda b: read_texts(version, b)),
        (
            requests.train(version, "P", "m", EvaluationOptions()).json,
            lambda b: server_requests.read_training(version, b),
        ),
        (
            requests.create_project(version, Project("P", "multi", "c")).json,
            lambda b: server_requests.read_project(version, b),
        ),
        (
            requests.import_project(version, "P", file).json,
            lambda b: server_requests.read_import(version, b, "P"),
        ),
        (requests.deploy(version, "P", "d", "m").json, lambda b: server_requests.read_deployment(version, b)),
        (requests.swap(version, "P", "d", "e").json, server_requests.read_swap),
    ]


@pytest.mark.parametrize("name", VERSIONS)
def test_whatever_the_emulator_is_asked(name: str) -> None:
    random = Random(f"{SEED}:{name}")
    for body, read in asked(VERSIONS[name]):
        read(body)
        for _ in range(100):
            changed, how = broken(json.dumps(body).encode(), random)
            try:
                told = json.loads(changed)
            except (ValueError, RecursionError):
                told = None
            try:
                read(told)
            except BadRequestError:
                continue
            except Exception as error:
                raise AssertionError(f"{how}: {type(error).__name__}") from error
