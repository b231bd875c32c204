from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine

from pipeline.errors import RunError
from pipeline.reports.advice import advise
from pipeline.reports.standing import standings
from pipeline.reports.summary import (
    CAN_PASS,
    FieldConfidence,
    FormTypeSummary,
    Report,
    build_report,
    failure_command,
    to_json,
)
from pipeline.reports.throughput import throughput
from tests.unit.conftest import START

if TYPE_CHECKING:
    from tests.unit.conftest import Ledger


@pytest.fixture
def database(each_database: Engine) -> Engine:
    """Of every dialect that can be had."""
    return each_database


def build(ledger: Ledger, run: int | None = None, form_type: str | None = None) -> Report:
    with ledger.database.connect() as connection:
        return build_report(connection, run, form_type)


def only(ledger: Ledger) -> FormTypeSummary:
    (summary,) = build(ledger).form_types
    return summary


# --- counts -----------------------------------------------------------------------------------------


def test_before_the_first_run_there_is_nothing_but_the_form_types(ledger: Ledger) -> None:
    ledger.form_type("invoice")
    report = build(ledger)
    assert report.run is None
    assert report.form_types[0].run_row is None
    assert report.form_types[0].model is None
    assert report.throughput.intervals == ()


def test_the_last_run_is_reported_unless_another_is_asked_for(ledger: Ledger) -> None:
    ledger.form_type("invoice")
    first = ledger.run({"form_type": "invoice", "loaded": 5, "decision": "first"})
    second = ledger.run({"form_type": "invoice", "decision": "nothing to do"})
    for asked, run, decision in ((None, second, "nothing to do"), (first, first, "first")):
        report = build(ledger, asked)
        row = report.form_types[0].run_row
        assert report.run is not None
        assert row is not None
        assert (report.run.id, report.run.seconds, row.decision) == (run, 95.0, decision)


def test_an_unknown_run_or_form_type_is_named(ledger: Ledger) -> None:
    with pytest.raises(RunError) as run:
        build(ledger, 7)
    with pytest.raises(RunError) as form_type:
        build(ledger, form_type="nobody")
    assert (run.value.reason, form_type.value.reason) == ("unknown-run", "unknown-form-type")


def test_documents_are_counted_by_state_with_the_pages_that_were_read(ledger: Ledger) -> None:
    ledger.form_type("invoice")
    ledger.document("invoice", "a", pages=3, ocr_pages=1, layout_confidence=0.8)
    ledger.document("invoice", "b", "partial", pages=2, layout_confidence=0.6)
    ledger.document("invoice", "c", "dead", reason="pdf-broken")
    ledger.document("invoice", "d", None)
    found = only(ledger).documents
    assert (found.loaded, found.partial, found.dead, found.pending, found.gone) == (1, 1, 1, 1, 0)
    assert (found.pages, found.ocr_pages) == (5, 1)
    assert found.layout_confidence == pytest.approx(0.7)


def test_one_form_type_can_be_reported_alone(ledger: Ledger) -> None:
    for name in ("invoice", "receipt"):
        ledger.form_type(name)
        ledger.document(name, "a", values=[{"field": name}])
    (summary,) = build(ledger, form_type="receipt").form_types
    assert [field.field for field in summary.fields] == ["receipt"]


# --- confidences ------------------------------------------------------------------------------------


def test_field_and_layout_confidence_are_spread_over_tenths_apart(ledger: Ledger) -> None:
    ledger.form_type("invoice")
    pairs = [(0.0, 1.0), (0.1, 0.95), (0.19, 0.3), (0.9, 0.3), (1.0, None)]
    for n, (confidence, layout) in enumerate(pairs):
        value = {"field": "No", "confidence": confidence, "layout_confidence": layout}
        ledger.document("invoice", str(n), values=[value])
    (field,) = only(ledger).fields
    assert field.by_field_confidence == (1, 2, 0, 0, 0, 0, 0, 0, 0, 2)
    assert field.by_layout_confidence == (0, 0, 0, 2, 0, 0, 0, 0, 0, 2)
    assert field.values == 5
    assert field.confidence == pytest.approx(sum(pair[0] for pair in pairs) / 5)


def test_values_to_check_are_told_apart_by_how_well_they_were_read(ledger: Ledger) -> None:
    ledger.form_type("invoice")
    values: list[dict[str, Any]] = [
        {"field": "No", "review": True, "layout_confidence": 0.79},
        {"field": "No", "review": True, "layout_confidence": 0.8, "occurrence": 1},
        {"field": "No", "review": True, "layout_confidence": None, "occurrence": 2},
        {"field": "No", "review": True, "ambiguous": True, "layout_confidence": 0.1, "occurrence": 3},
        {"field": "No", "occurrence": 4},
    ]
    ledger.document("invoice", "a", values=values)
    (field,) = only(ledger).fields
    assert (field.review_read_badly, field.review_read_well, field.ambiguous) == (1, 2, 1)
    assert field.review == only(ledger).review == 4


def test_a_value_that_a_person_corrected_waits_no_more(ledger: Ledger) -> None:
    ledger.form_type("invoice")
    values: list[dict[str, Any]] = [
        {"field": "No", "review": True},
        {"field": "No", "source": "person", "confidence": None},
    ]
    ledger.document("invoice", "a", values=values)
    summary = only(ledger)
    assert (summary.values, summary.review) == (1, 0)
    with ledger.database.connect() as connection:
        assert standings(connection)[0].review == 0


def test_values_of_documents_that_are_not_loaded_do_not_count(ledger: Ledger) -> None:
    ledger.form_type("invoice")
    for outcome in ("dead", None):
        key = ledger.document("invoice", f"{outcome}", outcome)
        ledger.part(key, [{"field": "No", "review": True}])
    assert only(ledger).values == 0
    with ledger.database.connect() as connection:
        assert standings(connection)[0].review == 0


# --- advice -----------------------------------------------------------------------------------------

_NONE = (0,) * 10


def asking(*fields: FieldConfidence) -> FormTypeSummary:
    return FormTypeSummary("invoice", None, documents=None, fields=fields)  # type: ignore[arg-type]


def test_each_cause_of_doubt_has_its_own_remedy_the_most_frequent_first() -> None:
    total = FieldConfidence("Total", 9, 0.9, _NONE, _NONE, review_read_badly=1, review_read_well=3)
    day = FieldConfidence("Day", 9, 0.9, _NONE, _NONE, review_read_well=4, ambiguous=2)
    found = advise(asking(total, day))
    assert [(a.cause, a.values, a.fields) for a in found] == [
        ("model", 7, ("Day", "Total")),
        ("ambiguous", 2, ("Day",)),
        ("layout", 1, ("Total",)),
    ]
    assert "training forms" in found[0].remedy
    assert "locale" in found[1].remedy
    assert "scans" in found[2].remedy
    assert found[2].text.startswith("1 value to check")


def test_nothing_is_advised_where_no_value_waits() -> None:
    assert advise(asking(FieldConfidence("Total", 9, 0.2, _NONE, _NONE))) == ()


# --- failures ---------------------------------------------------------------------------------------


def test_failures_are_counted_by_reason_the_most_frequent_first(ledger: Ledger) -> None:
    ledger.form_type("invoice")
    for n in range(3):
        ledger.document("invoice", f"b{n}", "dead", reason="pdf-broken")
    ledger.document("invoice", "a", "dead", reason="empty-file")
    ledger.document("invoice", "p", "partial", reason="truncated")
    ledger.document("invoice", "w", None, reason="timed-out", attempts=1)
    ledger.document("invoice", "g", "gone", reason="blob-gone")
    found = [(f.state, f.reason, f.documents) for f in only(ledger).failures]
    assert found == [
        ("dead", "pdf-broken", 3),
        ("dead", "empty-file", 1),
        ("waiting", "timed-out", 1),
        ("partial", "truncated", 1),
    ]
    assert only(ledger).failures[0].example == "invoice/in/b0"


@pytest.mark.parametrize(
    ("state", "command"),
    [
        ("dead", "formpipe status --form-type x --outcome dead"),
        ("waiting", "formpipe retry --form-type x --reason bad-pdf"),
        ("partial", "formpipe retry --form-type x --outcome partial --reason bad-pdf"),
        ("unrouted", "formpipe status --form-type x --unrouted"),
    ],
)
def test_a_failure_says_what_to_type(state: str, command: str) -> None:
    assert failure_command("x", state, "bad-pdf") == command


@pytest.mark.parametrize("reason", sorted(CAN_PASS))
def test_a_dead_document_is_tried_again_where_its_reason_can_pass(reason: str) -> None:
    assert failure_command("x", "dead", reason) == f"formpipe retry --form-type x --reason {reason}"


def test_a_command_is_safe_to_paste() -> None:
    assert failure_command("x", "waiting", "a; rm b").endswith("--reason 'a; rm b'")


# --- what is left, what is old ------------------------------------------------------------------------


def test_what_a_run_left_and_what_it_had_no_need_to_score(ledger: Ledger) -> None:
    ledger.form_type("invoice")
    counts = {"form_type": "invoice", "listed": 10, "loaded": 2, "partial": 1, "dead": 1, "retried": 1}
    first = ledger.run(counts)
    for n in range(3):
        ledger.document("invoice", f"{n}", None)
    assert (only(ledger).left, only(ledger).unchanged) == (3, 3)
    ledger.run({"form_type": "invoice"})
    (before,) = build(ledger, first).form_types
    assert (before.left, before.unchanged) == (None, 5)


def test_documents_of_another_version_than_the_active_one_are_told(ledger: Ledger) -> None:
    ledger.form_type("invoice")
    old = ledger.version("invoice", 1, "retired")
    new = ledger.version("invoice", 2)
    ledger.document("invoice", "a", model_version_id=old)
    ledger.document("invoice", "b", "partial", model_version_id=old)
    ledger.document("invoice", "c", "dead", model_version_id=old, reason="damaged-pdf")
    ledger.document("invoice", "d", model_version_id=new)
    (stale,) = only(ledger).stale
    again = "formpipe run --rescore --form-type invoice"
    assert stale.text == f"2 documents still scored by version 1: {again}"
    with ledger.database.connect() as connection:
        assert standings(connection)[0].stale == (stale,)


# --- models -----------------------------------------------------------------------------------------


def test_the_active_version_is_shown_with_the_newest_refused_one(ledger: Ledger) -> None:
    ledger.form_type("invoice", form_batch_group_id="bills")
    ledger.version("bills", 1, "candidate", f1=0.5, reason="older than the active one")
    ledger.version("bills", 2, f1=0.9, training_documents=24)
    ledger.version("bills", 3, "candidate", f1=0.8, reason="worse")
    ledger.version("invoice", 9)
    model = only(ledger).model
    assert model is not None
    assert (model.version, model.f1, model.training_documents) == (2, 0.9, 24)
    assert model.refused is not None
    assert (model.refused.version, model.refused.reason) == (3, "worse")


# --- throughput -------------------------------------------------------------------------------------


def finished(*seconds: float, pages: int = 2) -> Any:
    rows = [SimpleNamespace(finished_at=START + timedelta(seconds=s), pages=pages) for s in seconds]
    return iter(rows)


def test_throughput_keeps_every_document_in_order_of_time() -> None:
    found = throughput(finished(5, 0, 0.2, 61))
    assert sum(interval.documents for interval in found.intervals) == 4
    assert sum(interval.pages for interval in found.intervals) == 8
    assert (found.step_seconds, len(found.intervals)) == (2.0, 31)
    starts = [interval.start for interval in found.intervals]
    assert starts == sorted(starts)
    assert starts[0] == START


@pytest.mark.parametrize("span", [1, 59, 60, 61, 3600, 100_000, 1_000_000])
def test_throughput_has_at_most_sixty_intervals(span: int) -> None:
    found = throughput(finished(0, span - 1))
    assert 1 <= len(found.intervals) <= 60
    assert len(found.intervals) * found.step_seconds >= span


def test_the_report_as_json_has_what_is_derived_and_no_text_of_a_field(ledger: Ledger) -> None:
    ledger.form_type("invoice")
    run = ledger.run({"form_type": "invoice", "pages": 10, "seconds": 4.0})
    ledger.document("invoice", "a", values=[{"field": "No", "review": True}], run_id=run)
    raw = to_json(build(ledger))
    (summary,) = raw["form_types"]
    assert summary["run_row"]["pages_per_second"] == 2.5
    assert (summary["values"], summary["review"]) == (1, 1)
    assert isinstance(raw["run"]["started_at"], datetime)
    assert "secret value" not in str(raw)
