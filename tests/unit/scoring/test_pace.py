"""How often what was scored is committed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.db import documents
from pipeline.scoring import stage
from tests.unit.scoring.conftest import LIMITS, Bench


def commits(bench: Bench, monkeypatch: pytest.MonkeyPatch, seconds: float, number: int = 12) -> list[int]:
    """How many documents each commit wrote, where the clock goes on by `seconds` at every look."""
    written: list[int] = []
    finish, ticks = documents.finish, count()

    def counted(connection: Any, results: Sequence[Any], **named: Any) -> Any:
        written.append(len(results))
        return finish(connection, results, **named)

    monkeypatch.setattr(documents, "finish", counted)
    monkeypatch.setattr(stage, "time", SimpleNamespace(monotonic=lambda: next(ticks) * seconds))
    bench.put(**{f"d{n}": f"total {n}.50" for n in range(number)})
    assert bench.run().loaded == number
    return written


def test_documents_that_come_at_once_are_committed_together(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert commits(bench, monkeypatch, seconds=0.001) == [12]


def test_a_batch_is_committed_when_it_is_there(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert commits(bench, monkeypatch, seconds=0.3) == [LIMITS.batch] * 4


def test_nothing_waits_longer_than_two_seconds_for_its_batch(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert commits(bench, monkeypatch, seconds=2.1, number=4) == [1] * 4
