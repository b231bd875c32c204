"""What is told of real runs to those who watch is what the database has."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.canned_row import fill, point
from tests.acceptance.conftest import Project
from tests.azure.canned import Canned, running_can
from tests.unit.telemetry.receiver import Received, receiver

QUICK = {"workers": 1, "poll_seconds": 0.1}
OUTCOMES = ("loaded", "partial", "dead", "unrouted", "gone")


@pytest.fixture
def can(tmp_path: Path) -> Iterator[Canned]:
    with running_can(tmp_path / "service", limited=False) as running:
        yield running


@pytest.fixture
def bills(project: Project, can: Canned) -> Project:
    """A row of a service, and beside it one that fails and one at fault."""
    point(project, can, form_type="bills", parallelism=20)
    project.add_row("unhappy", "nothing/here", "b", priority=900)
    project.add_row("wrong", "t", "b", locale="no locale")
    fill(project, 12)
    (project.data / "backlog" / "broken.pdf").write_bytes(b"%PDF-1.4\nnothing else")
    return project


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> Iterator[Received]:
    with receiver() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.url)
        yield found


def families(file: Path) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """What the file says, by the names of samples and their labels."""
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(file.read_text(encoding="utf-8")):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def test_metrics_and_spans_are_what_the_run_wrote_down(
    bills: Project, can: Canned, received: Received
) -> None:
    bills.formpipe("run", **QUICK, expect=1)
    for outcome in OUTCOMES:
        for name, count in bills.sql(f"SELECT form_type, sum({outcome}) FROM run_row GROUP BY 1"):
            assert received.total("formpipe.documents", outcome=outcome, form_type=name) == count
    (sums,) = bills.sql("SELECT sum(pages), sum(field_values), sum(cost), sum(dead) FROM run_row")
    told = [received.total(f"formpipe.{name}") for name in ("pages", "values", "cost")]
    assert told == pytest.approx([float(each) for each in sums[:3]])
    assert sums[3] > 0
    for state, count in bills.sql("SELECT state, count(*) FROM run_row GROUP BY 1"):
        assert received.total("formpipe.rows", state=state) == count
    analyses = [
        point.as_int
        for key, point in received.points("formpipe.service.calls").items()
        if {("formpipe.call.class", "analyze"), ("http.response.status_code", 202)} <= set(key)
    ]
    assert analyses == [can.door.service.accepted["analyze"]]
    names = [span.name for span in received.spans]
    assert {"run", "form type", "train", "list", "score"} <= set(names)
    assert names.count("form type") == 3
    secrets = [*can.secrets.values(), ".pdf", "backlog/"]
    assert not [text for text in secrets for body in received.bodies if text.encode() in body]


def test_a_dead_endpoint_neither_fails_nor_holds_up_a_run(
    trained: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    took = {}
    with closing(socket.socket()) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(50)
        for endpoint in ("", f"http://127.0.0.1:{silent.getsockname()[1]}"):
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
            began = time.monotonic()
            answer = trained.formpipe("run", "--output", "json", workers=1, expect=0)
            took[endpoint] = time.monotonic() - began
            assert answer.json["run"]["state"] == "finished"
            assert ("telemetry-not-sent" in answer.err) is bool(endpoint)
    without, with_it = took.values()
    assert with_it < without + 10  # three seconds of patience, and loading the packages


def test_the_file_for_prometheus_is_what_the_database_has(bills: Project) -> None:
    file = bills.folder / "node" / "formpipe.prom"
    bills.formpipe("run", "--max-cost", "0.3", "--metrics-file", str(file), **QUICK, expect=1)
    fill(bills, 3, first=50)
    bills.formpipe("run", **QUICK, prometheus_file=file, expect=1)
    told = families(file)
    assert list(file.parent.iterdir()) == [file], "what it was made in is gone"

    def value(name: str, **labels: str) -> float:
        return told[name][tuple(sorted(labels.items()))]

    for outcome in OUTCOMES:
        for name, count in bills.sql(f"SELECT form_type, sum({outcome}) FROM run_row GROUP BY 1"):
            assert value("formpipe_documents_total", form_type=name, outcome=outcome) == count
    sums = "sum(pages), sum(field_values), sum(cost)"
    for name, *counts in bills.sql(f"SELECT form_type, {sums} FROM run_row GROUP BY 1"):
        names = ("formpipe_pages_total", "formpipe_values_total", "formpipe_cost_usd_total")
        shown = [value(each, form_type=name) for each in names]
        assert shown == pytest.approx([float(count or 0) for count in counts])
    states = bills.sql("SELECT form_type, coalesce(outcome, 'pending'), count(*) FROM document GROUP BY 1, 2")
    for name, state, count in states:
        assert value("formpipe_backlog_documents", form_type=name, state=state) == count
    assert sum(told["formpipe_backlog_documents"].values()) == sum(state[2] for state in states)
    for name, state, left in bills.sql("SELECT form_type, state, left_over FROM run_row WHERE run_id = 2"):
        assert value("formpipe_last_run_state", form_type=name, state=state) == 1
        assert value("formpipe_last_run_left_over_documents", form_type=name) == left
    assert value("formpipe_run_id") == 2
    assert value("formpipe_run_state", state="finished") == 1
    assert abs(value("formpipe_run_end_timestamp_seconds") - time.time()) < 120


def test_the_file_is_written_after_a_run_that_was_cut_off_too(
    trained: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here by a form type that is not there, after an earlier run."""
    file = tmp_path / "formpipe.prom"
    trained.formpipe("run", "-f", "nothing_like_it", "--metrics-file", str(file), expect=3)
    assert families(file)["formpipe_run_state"][(("state", "finished"),)] == 1


def test_one_hand_of_figures_for_each_form_type(trained: Project, tmp_path: Path) -> None:
    """The number of series does not grow with documents or runs."""
    file = tmp_path / "formpipe.prom"
    sizes: list[Any] = []
    for _ in range(2):
        trained.formpipe("run", "--metrics-file", str(file), workers=1)
        sizes.append({name: len(samples) for name, samples in families(file).items()})
    assert sizes[0] == sizes[1]
