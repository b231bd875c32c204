"""Whether a run is watched, and that watching never costs it anything."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine

from pipeline.errors import RunError
from pipeline.orchestrator.progress import Note, Progress
from pipeline.orchestrator.run_context import RunSummary
from pipeline.orchestrator.watching import Observer
from pipeline.telemetry.switch import wanted, watched, write_metrics_file

BOTH = frozenset({"traces", "metrics"})
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


class Heard(list[Progress | Note]):
    @property
    def names(self) -> list[str]:
        return [event.name for event in self if isinstance(event, Note)]

    def __call__(self, event: Progress | Note) -> None:
        self.append(event)


@pytest.mark.parametrize(
    ("environment", "signals"),
    [
        ({}, frozenset()),
        ({ENDPOINT: ""}, frozenset()),
        ({ENDPOINT: "http://collector:4318"}, BOTH),
        ({ENDPOINT: "http://collector:4318", "OTEL_SDK_DISABLED": "true"}, frozenset()),
        ({ENDPOINT: "http://collector:4318", "OTEL_SDK_DISABLED": "no"}, BOTH),
        ({ENDPOINT: "http://collector:4318", "OTEL_TRACES_EXPORTER": "none"}, frozenset({"metrics"})),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, frozenset({"traces"})),
        ({"OTEL_SERVICE_NAME": "forms"}, frozenset()),
    ],
)
def test_the_standard_variables_say_what_is_sent(
    environment: dict[str, str], signals: frozenset[str]
) -> None:
    assert wanted(environment) == signals


def test_where_nothing_is_set_nothing_of_opentelemetry_is_loaded() -> None:
    code = (
        "import sys\n"
        "import pipeline.cli.main\n"
        "from pipeline.telemetry.switch import watched\n"
        "with watched(print, {}) as watch:\n"
        "    assert type(watch.observer).__name__ == 'Observer'\n"
        "loaded = [m for m in sys.modules if m.split('.')[0] in ('opentelemetry', 'prometheus_client')]\n"
        "assert not loaded, loaded\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_missing_packages_are_one_warning_and_the_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pipeline.telemetry.export", None)
    heard = Heard()
    with watched(heard, {ENDPOINT: "http://collector:4318"}) as watch:
        assert type(watch.observer) is Observer
        watch.ended(RunSummary(1))
    (note,) = heard
    assert isinstance(note, Note)
    assert note.name == "telemetry-off"
    assert "pip install 'formpipe[telemetry]'" in note.message


@pytest.mark.parametrize(
    "variables",
    [
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        {"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/json"},
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/protobuf"},
    ],
)
def test_another_protocol_is_one_warning_and_the_run_goes_on(variables: dict[str, str]) -> None:
    heard = Heard()
    with watched(heard, {ENDPOINT: "http://collector:4317", **variables}) as watch:
        assert type(watch.observer) is Observer
    assert heard.names == ["telemetry-off"]


@pytest.fixture(params=["refuses", "never-answers"])
def dead(request: pytest.FixtureRequest) -> Iterator[str]:
    """An endpoint where nobody is, and one that takes what it is sent and says nothing."""
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        if request.param == "never-answers":
            listening.listen(50)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_a_dead_endpoint_costs_no_more_than_its_patience(
    dead: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(ENDPOINT, dead)
    heard, began = Heard(), time.monotonic()
    with watched(heard, {ENDPOINT: dead}, patience=0.5) as watch:
        for _ in range(200):
            watch.observer.called("document-intelligence", "analyze", 503, 0.1)
        told = time.monotonic() - began
        watch.ended(RunSummary(1))
    assert time.monotonic() - began < told + 2.5
    assert heard.names == ["telemetry-not-sent"]
    assert dead not in str([*heard]), "an endpoint may hold a password"
    assert capfd.readouterr().err == ""


def test_the_error_of_a_run_goes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RunError), watched(Heard(), {}):
        raise RunError("no database", reason="database-failed")


def test_a_file_for_prometheus_that_cannot_be_written_is_one_warning(
    database: Engine, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    heard = Heard()
    write_metrics_file(database, tmp_path / "file" / "formpipe.prom", heard)
    assert heard.names == ["metrics-file-not-written"]


def test_without_its_packages_the_file_for_prometheus_is_one_warning(
    database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pipeline.telemetry.prometheus_file", None)
    heard = Heard()
    write_metrics_file(database, tmp_path / "formpipe.prom", heard)
    assert heard.names == ["metrics-file-not-written"]
    assert not list(tmp_path.glob("*.prom"))
