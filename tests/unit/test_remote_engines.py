"""Clients of one resource share its limits, with each other and with other processes; raised quotas hold."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest

from pipeline.errors import AttemptError, RowError
from pipeline.rates import SHARE, OperationClass, Slice
from pipeline.remote_engines import RemoteEngines
from pipeline.rest.limits import LocalBudget
from pipeline.services import load_services
from pipeline.settings import Settings
from pipeline.types import SecretNames

ENDPOINT = "https://forms.cognitiveservices.azure.com"
V21, V40 = ("form-recognizer", "v2.1"), ("document-intelligence", "2024-11-30")


class Secrets:
    """By name; the key is never asked for here."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def get(self, name: str, *, fresh: bool = False) -> str:
        return self._values[name]

    def find(self, name: str) -> str | None:
        return self._values.get(name, "key")


class Noted(LocalBudget):
    """Gives leave, and notes who asked for it."""

    def __init__(self, asked: list[tuple[str, str, float]], endpoint: str) -> None:
        super().__init__()
        self._asked = asked
        self._endpoint = endpoint

    def lease(self, operation_class: OperationClass, rate: float, wanted: int) -> Slice:
        self._asked.append((self._endpoint, operation_class, round(rate / SHARE, 6)))
        return super().lease(operation_class, rate, wanted)


class Bench:
    def __init__(self, **settings: Any) -> None:
        self.asked: list[tuple[str, str, float]] = []
        self.stopping = threading.Event()
        secrets: Any = Secrets(
            {"a": ENDPOINT, "b": "https://other.cognitiveservices.azure.com", "c": ENDPOINT}
        )
        self.engines = RemoteEngines(
            secrets,
            load_services(),
            Settings(**settings),
            lambda endpoint: Noted(self.asked, endpoint),
            self.stopping.is_set,
        )

    def take(self, endpoint: str, engine: tuple[str, str], operation_class: OperationClass) -> None:
        client: Any = self.engines.of(SecretNames(endpoint, "key"), *engine)
        client._client._limits.take(operation_class)


def test_clients_of_one_endpoint_share_a_budget_and_others_do_not() -> None:
    bench = Bench()
    bench.take("a", V40, "analyze")
    started = time.monotonic()
    bench.take("c", V21, "analyze")  # the same resource, by another secret and engine
    assert time.monotonic() - started >= 0.05
    bench.take("b", V40, "analyze")
    assert [endpoint for endpoint, _, _ in bench.asked] == [
        ENDPOINT, ENDPOINT, "https://other.cognitiveservices.azure.com",
    ]  # fmt: skip


def test_rates_are_those_of_the_tier_unless_they_were_raised() -> None:
    rates = {"analyze": 30.0, "document-intelligence.analyze": 100.0}
    bench = Bench(service_rates=rates)
    bench.take("a", V40, "analyze")
    bench.take("a", V21, "analyze")
    bench.take("a", V21, "get")
    assert [(kind, rate) for _, kind, rate in bench.asked] == [
        ("analyze", 100.0), ("analyze", 30.0), ("get", 50.0),
    ]  # fmt: skip


def test_the_free_tier_is_slow() -> None:
    bench = Bench(service_tier="F0")
    bench.take("a", V40, "analyze")
    assert bench.asked == [(ENDPOINT, "analyze", 1.0)]


def test_nobody_waits_for_a_turn_or_another_attempt_when_the_run_stops() -> None:
    bench = Bench(service_tier="F0")
    bench.take("a", V40, "analyze")
    bench.stopping.set()
    with pytest.raises(AttemptError) as caught:
        bench.take("a", V40, "analyze")
    assert caught.value.reason == "stopped"
    started = time.monotonic()
    bench.engines._sleep(30.0)
    assert time.monotonic() - started < 1.0


def test_an_engine_of_no_service_is_told() -> None:
    with pytest.raises(RowError) as caught:
        Bench().engines.of(SecretNames("a", "key"), "local", None)
    assert caught.value.reason == "engine-unavailable"
