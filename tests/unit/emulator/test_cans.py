"""Answers out of a can: quick, all alike, late as the plan says, and like other answers in all else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

from pipeline.emulator.app import create_app
from pipeline.emulator.cans import sample_can
from pipeline.emulator.door import Door
from pipeline.emulator.faults import FaultFile, FaultRule, Latency
from pipeline.emulator.options import EmulatorOptions
from pipeline.wire.document_intelligence import decode

VERSION = "2024-11-30"
PDF = b"%PDF-1.4 no more than that"


@dataclass
class Bench:
    """An emulator whose clock is the test's."""

    folder: Path
    time: datetime = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        options = EmulatorOptions(
            self.folder, ("one", "two"), workers=1, now=lambda: self.time, can=sample_can(5)
        )
        app = create_app(options)
        self.door: Door = app.state.emulator
        self.client = TestClient(app)
        self.client.__enter__()

    def close(self) -> None:
        self.client.__exit__(None, None, None)

    def plan(self, *rules: FaultRule) -> None:
        self.door.options.faults.load(FaultFile(seed=7, rules=rules))

    def analyze(self, content: bytes = PDF, key: str = "one") -> str:
        answer = self.client.post(
            f"/documentintelligence/documentModels/canned:analyze?api-version={VERSION}",
            content=content,
            headers={"Ocp-Apim-Subscription-Key": key, "Content-Type": "application/octet-stream"},
        )
        assert answer.status_code == 202, answer.text
        parts = urlsplit(answer.headers["Operation-Location"])
        return f"{parts.path}?{parts.query}"

    def poll(self, path: str, key: str = "one") -> dict[str, Any]:
        answer = self.client.get(path, headers={"Ocp-Apim-Subscription-Key": key})
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


def latency(seconds: float) -> FaultRule:
    return FaultRule(action="job-seconds", latency=Latency(seconds=seconds))


def test_every_document_gets_what_is_in_the_can(bench: Bench) -> None:
    state = decode.operation_state(bench.poll(bench.analyze()))
    assert state.end == "succeeded" and state.analysis is not None
    assert [(value.field, value.text) for value in state.analysis.values] == [
        (f"field {number}", f"value{number}") for number in range(5)
    ]
    assert bench.client.get("/emulator/status").json()["accepted"] == {"analyze": 1}


def test_it_runs_for_as_long_as_the_plan_says(bench: Bench) -> None:
    bench.plan(latency(3.0))
    path = bench.analyze()
    bench.time += timedelta(seconds=2.9)
    assert bench.poll(path)["status"] == "running"
    bench.time += timedelta(seconds=0.2)
    told = bench.poll(path)
    assert (told["status"], told["lastUpdatedDateTime"]) == ("succeeded", "2026-03-02T09:00:03Z")


@pytest.mark.parametrize(("action", "status"), [("stuck", "running"), ("fail", "failed")])
def test_planned_faults_are_those_of_every_job(bench: Bench, action: Any, status: str) -> None:
    bench.plan(FaultRule(action=action, code="X"))
    path = bench.analyze()
    bench.time += timedelta(hours=1)
    assert bench.poll(path)["status"] == status


def test_a_restart_changes_nothing(bench: Bench) -> None:
    bench.plan(latency(60.0))
    path = bench.analyze()
    bench.close()
    bench.open()
    assert bench.poll(path)["status"] == "running"
    bench.time += timedelta(seconds=61)
    assert bench.poll(path)["status"] == "succeeded"


def test_what_is_no_document_is_refused_all_the_same(bench: Bench) -> None:
    answer = bench.client.post(
        f"/documentintelligence/documentModels/canned:analyze?api-version={VERSION}",
        content=b"neither PDF nor picture",
        headers={"Ocp-Apim-Subscription-Key": "one", "Content-Type": "application/octet-stream"},
    )
    assert answer.status_code == 400


def test_each_resource_has_the_model_and_its_own_results(bench: Bench) -> None:
    path = bench.analyze(key="two")
    assert bench.poll(path, key="two")["status"] == "succeeded"
    assert "error" in bench.poll(path, key="one")


def test_nothing_is_kept_of_what_was_sent(bench: Bench) -> None:
    bench.analyze()
    assert list((bench.folder / "inputs").iterdir()) == []


def test_results_are_forgotten_after_a_day(bench: Bench) -> None:
    path = bench.analyze()
    bench.time += timedelta(hours=25)
    assert "error" in bench.poll(path)
    bench.analyze()  # which tidies up
    assert len(bench.door.service.store.jobs()) == 1
