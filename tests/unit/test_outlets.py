"""Which sinks this machine has, and what the others lack."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import outlets
from pipeline.errors import RowError
from pipeline.outlets import Outlets, obstacles
from pipeline.params.release import AVAILABLE_SINKS
from pipeline.settings import Settings
from pipeline.sinks.cosmos import CosmosSink
from pipeline.sinks.jsonl import JsonlSink

WITH_ACCOUNT = Settings(cosmos_endpoint="https://formsdb.documents.azure.com")


class Secrets:
    def get(self, name: str, *, fresh: bool = False) -> str:
        raise AssertionError(name)

    def find(self, name: str, *, fresh: bool = False) -> str | None:
        raise AssertionError("no secret is looked up before a sink is used")


def test_every_sink_of_the_release_can_be_opened(tmp_path: Path) -> None:
    settings = WITH_ACCOUNT.model_copy(update={"jsonl_folder": tmp_path / "lines"})
    sinks = Outlets(settings, Secrets())
    opened = [sinks.of(name) for name in AVAILABLE_SINKS if name != "sql"]
    assert [type(sink) for sink in opened] == [CosmosSink, JsonlSink]
    assert sinks.of("jsonl") is opened[1]
    assert obstacles(settings) == {}
    assert not (tmp_path / "lines").exists()


def test_an_account_that_is_not_set_is_named_with_its_setting() -> None:
    assert {name: error.reason for name, error in obstacles(Settings()).items()} == {
        "cosmos": "sink-not-configured"
    }
    with pytest.raises(RowError, match="cosmos_endpoint"):
        Outlets(Settings(), Secrets()).of("cosmos")


def test_a_package_that_is_missing_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlets, "find_spec", lambda name: None)
    with pytest.raises(RowError, match=r"formpipe\[cosmos\]") as caught:
        Outlets(WITH_ACCOUNT, Secrets()).of("cosmos")
    assert caught.value.reason == "sink-not-installed"


def test_a_sink_that_does_not_exist_is_named() -> None:
    with pytest.raises(RowError, match="cosmos, jsonl") as caught:
        Outlets(Settings(), Secrets()).of("mongo")
    assert caught.value.reason == "sink-not-configured"
