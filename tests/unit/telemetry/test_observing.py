"""What is sent of a run: spans under each other, counts, and nothing that names a document or a secret."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from pipeline.errors import RowError, RunError
from pipeline.orchestrator.progress import Progress
from pipeline.orchestrator.run_context import RunSummary
from pipeline.telemetry.switch import Watch, watched
from pipeline.types import FormType, RunRow
from tests.unit.telemetry.receiver import Received, facts, receiver

BILLS = FormType("bills", "bills", "forms", "t/", "forms", "secret-folder/", engine="document-intelligence")
ENDED = RunRow(
    "bills", "finished", listed=9, loaded=5, partial=2, dead=1, pages=12, ocr_pages=3, field_values=40,
    left_over=4, cost=Decimal("0.36"), seconds=2.5,
    reason="over-time: stopped at the run's max_minutes 1: secret-folder/scan.pdf with 9 pages",
)  # fmt: skip


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> Iterator[Received]:
    with receiver() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.url)
        yield found


def watch_of(received: Received, **more: str) -> Any:
    return watched(lambda event: None, {"OTEL_EXPORTER_OTLP_ENDPOINT": received.url, **more})


def one_run(watch: Watch) -> None:
    observer = watch.observer
    with observer.stage("train", BILLS):
        observer.called("document-intelligence", "manage", 201, 0.4)
    with observer.stage("list", BILLS):
        pass
    with observer.stage("score", BILLS):
        for _ in range(3):
            observer.called("document-intelligence", "analyze", 202, 0.2)
        observer.called("document-intelligence", "analyze", 429, 0.1)
        observer.called("document-intelligence", "get", None, 0.1)
        watch.hear(Progress("bills", "score", 8, 9, "secret-folder"))
    observer.row_ended(ENDED)
    watch.ended(RunSummary(7))


def by_name(spans: list[Any], name: str) -> Any:
    (found,) = [span for span in spans if span.name == name]
    return found


def test_spans_lie_under_each_other_as_the_work_does(received: Received) -> None:
    with watch_of(received) as watch:
        one_run(watch)
    spans = received.spans
    run, row = by_name(spans, "run"), by_name(spans, "form type")
    stages = [by_name(spans, stage) for stage in ("train", "list", "score")]
    assert not run.parent_span_id
    assert row.parent_span_id == run.span_id
    assert {stage.parent_span_id for stage in stages} == {row.span_id}
    assert {span.trace_id for span in spans} == {run.trace_id}
    parents = [call.parent_span_id for call in spans if call.name == "call"]
    assert parents == [stages[0].span_id, stages[2].span_id, stages[2].span_id], "manage, 429, no answer"
    assert facts(run.attributes) == {"formpipe.state": "finished", "formpipe.run_id": 7}
    assert facts(stages[2].attributes) == {
        "formpipe.form_type": "bills",
        "formpipe.stage": "score",
        "formpipe.engine": "document-intelligence",
        "formpipe.group": "bills",
    }
    told = facts(row.attributes)
    assert (told["formpipe.documents.loaded"], told["formpipe.documents.left_over"]) == (5, 4)
    assert told["formpipe.reason"] == "over-time"


def test_metrics_are_what_was_written_down_of_the_row(received: Received) -> None:
    with watch_of(received) as watch:
        one_run(watch)
    counts = {
        o: received.total("formpipe.documents", outcome=o, form_type="bills") for o in ("loaded", "dead")
    }
    assert counts == {"loaded": 5, "dead": 1}
    assert received.total("formpipe.documents") == 8
    names = ("pages", "pages.ocr", "values", "documents.left_over", "progress", "runs", "rows")
    assert [received.total(f"formpipe.{name}") for name in names] == [12, 3, 40, 4, 8, 1, 1]
    assert received.total("formpipe.cost") == pytest.approx(0.36)
    by_status = {dict(key).get("http.response.status_code"): p for key, p in calls(received, "analyze")}
    assert (by_status[202].as_int, by_status[429].as_int) == (3, 1)
    ((lost, _),) = calls(received, "get")
    assert dict(lost)["error.type"] == "no-answer"
    (score,) = [
        p
        for key, p in received.points("formpipe.stage.duration").items()
        if ("formpipe.stage", "score") in key
    ]
    assert score.count == 1
    seconds = received.points("formpipe.service.call.duration").values()
    assert sum(point.count for point in seconds) == 6


def calls(received: Received, kind: str) -> list[tuple[tuple[tuple[str, Any], ...], Any]]:
    points = received.points("formpipe.service.calls")
    return [(key, point) for key, point in points.items() if ("formpipe.call.class", kind) in key]


def test_no_path_leaves_the_house(received: Received) -> None:
    with watch_of(received) as watch:
        one_run(watch)
        with pytest.raises(RowError), watch.observer.stage("list", BILLS):
            raise RowError("secret-folder/scan.pdf is not there", reason="container-missing")
    assert received.bodies
    assert not [body for body in received.bodies if b"secret-folder" in body or b"scan.pdf" in body]


def test_an_error_is_told_by_its_reason(received: Received) -> None:
    with watch_of(received) as watch:
        with pytest.raises(RowError), watch.observer.stage("list", BILLS):
            raise RowError("there is no such container: look", reason="container-missing")
        watch.observer.row_ended(RunRow("bills", "failed", reason="container-missing: look"))
        watch.ended(RunSummary(8))
    listed, row = by_name(received.spans, "list"), by_name(received.spans, "form type")
    assert (listed.status.code, listed.status.message) == (2, "container-missing")
    assert (row.status.code, row.status.message) == (2, "container-missing")


def test_a_run_that_an_error_ends_is_told_as_failed_with_the_rows_it_cut_off(received: Received) -> None:
    with pytest.raises(RunError), watch_of(received) as watch, watch.observer.stage("score", BILLS):
        raise RunError("run again", reason="database-failed")
    run, row = by_name(received.spans, "run"), by_name(received.spans, "form type")
    assert (run.status.code, run.status.message) == (2, "database-failed")
    assert row.status.code == 2
    assert received.total("formpipe.runs", state="failed") == 1


def test_a_run_is_an_instance_of_its_own_under_the_name_it_is_given(
    received: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    instances = set()
    for name in (None, "forms-at-night"):
        more = {"OTEL_SERVICE_NAME": name} if name else {}
        for key, value in more.items():
            monkeypatch.setenv(key, value)
        with watch_of(received, **more) as watch:
            watch.ended(RunSummary(1))
        assert received.resource["service.name"] == (name or "formpipe")
        instances.add(received.resource["service.instance.id"])
    assert len(instances) == 2


def test_only_the_signals_that_are_wanted_are_sent(received: Received) -> None:
    with watch_of(received, OTEL_TRACES_EXPORTER="none") as watch:
        one_run(watch)
    assert received.metrics
    assert not received.traces
