"""What is committed, retried, given up and left alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update

from pipeline.db import documents, tables, targets, views
from pipeline.errors import RowError
from pipeline.types import FieldSpec
from tests.unit.scoring.conftest import Bench


def test_every_document_is_scored_once_and_its_values_are_rows(bench: Bench) -> None:
    bench.put(**{f"d{number}": f"total {number}.50" for number in range(10)})
    tally = bench.run()
    assert (tally.loaded, tally.pages, tally.values) == (10, 10, 10)
    assert bench.values() == {(f"d{n}", "total", "model"): f"{n}.50" for n in range(10)}
    assert set(bench.engine.answers.values()) == {1}


def test_the_second_run_scores_nothing(bench: Bench) -> None:
    bench.put(a="total 1", b="damaged")
    bench.run()
    assert bench.run().finished == 0
    assert set(bench.engine.answers.values()) == {1}


def test_the_output_file_is_in_the_services_shape(bench: Bench) -> None:
    bench.put(a="total 12.50 note hello")
    bench.run()
    body = json.loads((bench.root / "forms/out/a.pdf_output.json").read_text())
    (result,) = body["analyzeResult"]["documentResults"]
    assert result["fields"]["total"]["valueNumber"] == 12.5
    assert result["fields"]["note"]["valueString"] == "hello"


def test_no_output_folder_no_output_file(bench: Bench) -> None:
    bench.change(output_folder=None)
    bench.put(a="total 1")
    bench.run()
    assert not (bench.root / "forms/out").exists()


@pytest.mark.parametrize(
    ("text", "reason"), [("damaged", "damaged-pdf"), ("bug", "unexpected-error"), ("\0", "empty-extraction")]
)
def test_a_bad_document_costs_only_itself_and_has_a_reason(bench: Bench, text: str, reason: str) -> None:
    bench.put(a="total 1", bad=text, c="total 3")
    bench.run()
    assert bench.documents()["bad"].reason == reason
    assert bench.outcomes()["a"] == bench.outcomes()["c"] == "loaded"


def test_a_failed_attempt_waits_longer_each_time_and_then_ends(bench: Bench) -> None:
    bench.put(a="flaky")
    assert bench.run().postponed == 1
    bench.wait(59)
    assert bench.run().postponed == 0
    bench.wait(1)
    bench.run()
    bench.wait(119)
    assert bench.run().finished == 0
    bench.wait(1)
    assert bench.run().dead == 1
    assert bench.documents()["a"].attempts == 3
    assert bench.documents()["a"].reason == "blob-unreadable"


def test_a_crash_is_tried_again_in_the_same_run_but_not_for_ever(bench: Bench) -> None:
    bench.put(a="crash")
    tally = bench.run()
    assert (tally.postponed, tally.dead) == (2, 1)
    assert bench.engine.answers == {"crash": 3}


def test_a_document_that_vanished_after_the_listing_is_gone(bench: Bench) -> None:
    bench.put(a="total 1")
    bench.listing()
    (bench.root / "forms/in/a.pdf").unlink()
    assert bench.score().gone == 1
    assert bench.outcomes() == {"a": "gone"}


def test_a_document_that_changed_after_the_listing_waits_for_the_next(bench: Bench) -> None:
    bench.put(a="total 1")
    bench.listing()
    bench.put(a="total 22")
    assert bench.score().finished == 0
    assert bench.documents()["a"].attempts == 0
    bench.run()
    assert bench.values() == {("a", "total", "model"): "22"}


def test_what_was_read_of_an_earlier_content_is_not_written_as_the_new_one(bench: Bench) -> None:
    """Another run listed the change, and this one claimed it anew, while the former content was read."""
    bench.put(a="total 1")
    bench.listing()
    read = bench.engine.layout

    def layout(content: bytes, **more: Any) -> Any:
        bench.put(a="total 22")
        bench.listing()
        with bench.database.begin() as connection:
            mine = {"claimed_by": bench.run_id, "stage": "claimed"}
            connection.execute(update(tables.document).values(mine))
        bench.engine.layout = read  # type: ignore[method-assign]
        return read(content, **more)

    bench.engine.layout = layout  # type: ignore[method-assign]
    tally = bench.score()
    assert (tally.loaded, tally.taken_away) == (1, 1)
    assert bench.values() == {("a", "total", "model"): "22"}


def test_a_changed_document_replaces_its_values_and_keeps_a_persons(bench: Bench) -> None:
    bench.put(a="total 1 note old")
    bench.run()
    with bench.database.begin() as connection:
        part_id = connection.scalar(select(tables.part.c.id))
        connection.execute(
            insert(tables.field_value).values(part_id=part_id, field="total", source="person", text="9")
        )
    bench.put(a="total 2222")
    bench.run()
    assert bench.values() == {("a", "total", "model"): "2222", ("a", "total", "person"): "9"}


def test_a_document_that_goes_bad_loses_its_old_values(bench: Bench) -> None:
    bench.put(a="total 1")
    bench.run()
    bench.put(a="damaged")
    bench.run()
    assert bench.outcomes() == {"a": "dead"}
    assert bench.values() == {}


def test_a_missing_required_field_makes_it_partial(bench: Bench) -> None:
    bench.change(fields=(FieldSpec("total", "currency", required=True),))
    bench.put(a="note only")
    assert bench.run().partial == 1
    assert bench.documents()["a"].reason == "required-field-missing"


def test_an_error_of_the_row_ends_the_row_and_keeps_what_was_done(bench: Bench) -> None:
    bench.change(parallelism=1)
    bench.put(a="total 1", b="full", c="total 3")
    with pytest.raises(RowError) as caught:
        bench.run()
    assert caught.value.reason == "storage-not-writable"
    assert bench.outcomes()["b"] is None
    assert bench.outcomes()["a"] == "loaded"


def test_stopping_begins_nothing_new_and_commits_what_came_back(bench: Bench) -> None:
    bench.put(**{f"d{number:02}": f"total {number}" for number in range(20)})
    bench.stop_after = 5
    tally = bench.run()
    assert 5 <= tally.finished < 12
    assert list(bench.outcomes().values()).count("loaded") == tally.finished
    bench.stop_after = None
    bench.run()
    assert set(bench.outcomes().values()) == {"loaded"}
    assert set(bench.engine.answers.values()) == {1}


def test_pages_of_a_run_are_limited_and_the_rest_stays_pending(bench: Bench) -> None:
    bench.change(max_pages_per_run=5)
    bench.put(**{f"d{number:02}": f"total {number}" for number in range(20)})
    first = bench.run().pages
    assert 5 <= first <= 8
    bench.change(max_pages_per_run=None)
    assert bench.run().pages == 20 - first


def test_scoring_again_is_only_for_what_another_model_scored(bench: Bench) -> None:
    bench.put(a="total 1", b="total 2")
    bench.run()
    with bench.database.begin() as connection:
        for version, count in ((1, 0), (2, 2)):
            changed = documents.reset(
                connection, "bills", outcomes=documents.RESCORED, not_by_version=version
            )
            assert changed == count


def test_values_of_fields_without_a_column_are_counted_and_not_stored(bench: Bench) -> None:
    bench.stored = frozenset({"total"})
    bench.put(a="total 1 note x", b="note y")
    tally = bench.run()
    assert (tally.values, tally.discarded) == (1, {"note": 2})
    assert bench.values() == {("a", "total", "model"): "1"}
    assert bench.outcomes() == {"a": "loaded", "b": "loaded"}


def test_the_target_table_changes_with_the_documents(bench: Bench) -> None:
    bench.change(target_table="marts")
    with bench.database.begin() as connection:
        targets.prepare(connection, bench.row, views.refresh(connection, "bills", bench.row.fields))
    bench.put(a="total 1", b="damaged")
    bench.run()
    with bench.database.connect() as connection:
        assert connection.execute(text("SELECT path, total FROM marts")).all() == [("in/a.pdf", 1)]


def test_a_target_table_that_refuses_leaves_the_documents_pending(bench: Bench) -> None:
    bench.change(target_table="marts")
    with bench.database.begin() as connection:
        targets.prepare(connection, bench.row, views.refresh(connection, "bills", bench.row.fields))
        connection.execute(text("CREATE UNIQUE INDEX one_total ON marts (total)"))
    bench.put(a="total 1", b="total 1")
    with pytest.raises(RowError) as caught:
        bench.run()
    assert caught.value.reason == "target-table-refused"
    assert bench.outcomes() == {"a": None, "b": None}
    assert bench.values() == {}
