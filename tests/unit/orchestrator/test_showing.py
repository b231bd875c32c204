"""What a run tells of the columns people query."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, select

from pipeline.db.tables import event
from pipeline.db.views import views_of
from pipeline.errors import RowError
from pipeline.orchestrator.progress import Note, Progress
from pipeline.orchestrator.showing import Showing, listed
from pipeline.types import FieldSpec, FormType
from tests.unit.conftest import START, Ledger

ROW = FormType("invoice", "invoice", "lake", "t/", "lake", "in/")
A, B = FieldSpec("a"), FieldSpec("b")
Run = Callable[..., Showing]


@pytest.fixture
def heard() -> list[Progress | Note]:
    return []


@pytest.fixture
def run(ledger: Ledger, heard: list[Progress | Note]) -> Run:
    ledger.form_type("invoice")

    def made(*fields: FieldSpec, nested: bool = False, **columns: Any) -> Showing:
        row: FormType = replace(ROW, **columns)
        return Showing(
            ledger.database,
            row,
            fields,
            nested=nested,
            run_id=ledger.run(),
            now=lambda: START,
            guard=lambda connection: None,
            listener=heard.append,
        )

    return made


def events(ledger: Ledger) -> list[tuple[str, dict[str, Any]]]:
    with ledger.database.connect() as connection:
        rows = connection.execute(select(event.c.name, event.c.details).order_by(event.c.id))
        return [(row.name, json.loads(row.details)) for row in rows]


def test_the_first_view_is_nothing_to_tell(run: Run, ledger: Ledger, heard: list[Progress | Note]) -> None:
    showing = run(A)
    assert showing.prepare() is None
    showing.finish({}, scored=True)
    assert (events(ledger), heard, showing.sentences) == ([], [], [])


def test_new_columns_are_told_once(run: Run, ledger: Ledger, heard: list[Progress | Note]) -> None:
    run(A).prepare()
    showing = run(A, B)
    showing.prepare()
    showing.finish({}, scored=True)
    assert events(ledger) == [("view-columns-added", {"fields": ["b"], "columns": ["b"]})]
    assert heard == [Note("view-columns-added", "invoice", "columns added: b")]
    assert showing.sentences == ["columns added: b"]


def test_confidence_that_was_asked_for_is_told(run: Run, ledger: Ledger) -> None:
    run(A).prepare()
    run(A, confidence_columns=True).prepare()
    assert events(ledger) == [("view-columns-added", {"fields": [], "columns": ["a_confidence"]})]


def test_fields_that_a_frozen_view_leaves_out_are_told_in_every_run(run: Run, ledger: Ledger) -> None:
    run(A, schema_contract="freeze").prepare()
    for _ in range(2):
        showing = run(A, B, FieldSpec("t/x"), nested=True, schema_contract="freeze")
        assert showing.prepare() is None
        showing.finish({}, scored=True)
    assert events(ledger) == [("view-columns-frozen", {"fields": ["b", "t/x"]})] * 2


def test_what_may_be_stored_is_what_has_a_column(run: Run, ledger: Ledger) -> None:
    assert run(A, schema_contract="discard").prepare() == {"a"}
    showing = run(A, B, schema_contract="discard")
    assert showing.prepare() == {"a"}
    showing.finish({"b": 3, "c": 1}, scored=True)
    assert events(ledger) == [("values-discarded", {"count": 4, "fields": {"b": 3, "c": 1}})]
    assert showing.sentences == ["4 values not stored (schema_contract discard): b, c"]


def test_without_any_column_nothing_is_discarded(run: Run) -> None:
    assert run(schema_contract="discard").prepare() is None


@pytest.mark.parametrize(("contract", "kept"), [("evolve", False), ("freeze", True)])
def test_a_field_of_another_type_is_told(run: Run, ledger: Ledger, contract: str, kept: bool) -> None:
    run(A).prepare()
    run(FieldSpec("a", "date"), schema_contract=contract).prepare()
    types = {"a": {"earlier": "text", "now": "date"}}
    assert events(ledger) == [("view-columns-retyped", {"fields": ["a"], "types": types, "kept": kept})]


def test_a_column_of_another_name_is_told(run: Run, ledger: Ledger) -> None:
    run(A).prepare()
    run(FieldSpec("a", column="amount")).prepare()
    assert events(ledger) == [("view-columns-renamed", {"columns": [["a", "amount"]]})]


def test_line_items_that_no_model_lists_are_found_after_scoring(run: Run, ledger: Ledger) -> None:
    showing = run(A, nested=True)
    showing.prepare()
    values = [{"field": "lines/price", "value_text": "9"}]
    ledger.document("invoice", "x", values=values, run_id=showing.run_id)
    showing.finish({}, scored=False)
    with ledger.database.connect() as connection:
        assert views_of(connection, "invoice") == ["invoice"]
    showing.finish({}, scored=True)
    with ledger.database.connect() as connection:
        assert views_of(connection, "invoice") == ["invoice", "invoice__lines"]
    assert events(ledger) == [("view-columns-added", {"fields": ["lines/price"], "columns": ["price"]})]


def test_a_slash_in_a_name_that_was_read_off_a_form_is_no_table(run: Run, ledger: Ledger) -> None:
    run(FieldSpec("City/State")).prepare()
    with ledger.database.connect() as connection:
        assert views_of(connection, "invoice") == ["invoice"]


def test_what_becomes_of_a_target_table_is_told(run: Run, ledger: Ledger) -> None:
    for fields in ([A], [A, B], [A, B]):
        run(*fields, target_table="marts").prepare()
    told = events(ledger)
    assert [name for name, _ in told] == [
        "target-table-created",
        "view-columns-added",
        "target-table-altered",
    ]
    assert told[2][1] == {"table": "marts", "added": ["b"], "retyped": [], "renamed": []}


def test_the_target_table_catches_up_at_the_end(run: Run, ledger: Ledger) -> None:
    showing = run(A, target_table="marts")
    showing.prepare()
    ledger.document("invoice", "x", values=[{"field": "a", "value_text": "1"}])
    showing.finish({}, scored=False)
    with ledger.database.connect() as connection:
        assert connection.exec_driver_sql("SELECT path, a FROM marts").all() == [("invoice/in/x", "1")]


def test_a_lost_lease_changes_nothing(run: Run, ledger: Ledger) -> None:
    def lost(connection: Connection) -> None:
        raise RowError("lost", reason="lease-lost")

    showing = run(A)
    showing.guard = lost
    with pytest.raises(RowError, match="lost"):
        showing.prepare()
    with ledger.database.connect() as connection:
        assert views_of(connection, "invoice") == []


def test_many_names_are_counted() -> None:
    assert listed(f"f{n}" for n in range(12)) == "f0, f1, f2, f3, f4, f5, f6, f7, f8, f9 and 2 more"
