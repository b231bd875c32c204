from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.dialects import mssql, postgresql

from pipeline.db.views import ViewColumn, column_names, refresh_view, view_name
from pipeline.db.views.query import document_query
from pipeline.db.views.stamp import Stamp, read_stamp
from pipeline.db.views.statements import CreateView
from pipeline.types import FieldSpec

if TYPE_CHECKING:
    from tests.unit.conftest import Ledger


def show(database: Engine, fields: Sequence[FieldSpec], query: str = "SELECT * FROM forms_invoice") -> Any:
    with database.begin() as connection:
        refresh_view(connection, "invoice", fields)
        return [dict(row) for row in connection.exec_driver_sql(query).mappings()]


def definition(database: Engine) -> str:
    with database.connect() as connection:
        return str(connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE type = 'view'").scalar())


# --- names ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "column"),
    [
        ("Receipt No", "receipt_no"),
        ("InvoiceNumber", "invoice_number"),
        ("taxID", "tax_id"),
        ("PONumber", "po_number"),
        ("W9", "w9"),
        ("Line2Total", "line2_total"),
        ("TOTAL DUE", "total_due"),
        ("ID #", "id"),
        ("date", "date"),
        ("order", "order_value"),
        ("Path", "path_value"),
        ("first page", "first_page_value"),
        ("1099 form", "f_1099_form"),
        ("Prénom  (légal)", "prenom_legal"),
        ("Straße", "strasse"),
        ("金額", "金額"),
        ("###", "field"),
        ("a__b", "a_b"),
    ],
)
def test_a_column_is_named_after_its_field(field: str, column: str) -> None:
    assert column_names([FieldSpec(field)]) == {field: column}


def test_fields_that_give_the_same_name_are_told_apart_by_their_order() -> None:
    fields = [FieldSpec("Total"), FieldSpec("total #"), FieldSpec("TOTAL"), FieldSpec("total 2")]
    assert list(column_names(fields).values()) == ["total", "total_3", "total_4", "total_2"]


def test_a_chosen_column_wins_over_a_name_that_comes_first() -> None:
    fields = [FieldSpec("amount"), FieldSpec("x", column="Amount")]
    assert column_names(fields) == {"amount": "amount_2", "x": "Amount"}


def test_a_chosen_column_does_not_hide_one_of_ours() -> None:
    assert column_names([FieldSpec("x", column="Path")]) == {"x": "Path_2"}


def test_a_field_keeps_the_name_it_had() -> None:
    earlier = column_names([FieldSpec("Total"), FieldSpec("total #")])
    later = column_names([FieldSpec("total #"), FieldSpec("TOTAL")], earlier)
    assert later == {"total #": "total_2", "TOTAL": "total_3", "Total": "total"}


@given(st.lists(st.text(min_size=1, max_size=80), unique=True, max_size=8), st.data())
def test_names_are_short_unique_and_never_ours(fields: list[str], data: st.DataObject) -> None:
    chosen = [data.draw(st.none() | st.text(max_size=80)) for _ in fields]
    specs = [FieldSpec(name, column=column) for name, column in zip(fields, chosen, strict=True)]
    names = list(column_names(specs).values())
    folded = [name.casefold() for name in names]
    assert len(set(folded)) == len(fields)
    assert not {"path", "outcome", "part", "review"} & set(folded)
    assert all(name and len(name.encode()) <= 63 for name in names)


# --- rows -------------------------------------------------------------------------------------------


def test_a_document_is_one_row_with_its_values_in_their_types(ledger: Ledger) -> None:
    ledger.form_type("invoice")
    ledger.document(
        "invoice",
        "a.pdf",
        values=[
            {"field": "No", "value_text": "A-1"},
            {"field": "Total", "value_number": Decimal("12.50")},
            {"field": "Items", "value_number": Decimal("3")},
            {"field": "Date", "value_date": date(2026, 2, 1)},
            {"field": "Time", "value_time": time(9, 30)},
            {"field": "Paid", "value_mark": "selected"},
        ],
    )
    fields = [
        FieldSpec("Total", "currency"),
        FieldSpec("No"),
        FieldSpec("Items", "integer"),
        FieldSpec("Date", "date"),
        FieldSpec("Time", "time"),
        FieldSpec("Paid", "selectionMark"),
    ]
    (row,) = show(ledger.database, fields)
    assert list(row)[:7] == [
        "document_id", "path", "outcome", "pages", "model_version", "scored_at", "review",
    ]  # fmt: skip
    assert list(row)[7:] == ["total", "no", "items", "date", "time", "paid"]
    assert (row["path"], row["outcome"], row["pages"]) == ("invoice/in/a.pdf", "loaded", 1)
    assert (row["total"], row["no"], row["items"], row["paid"]) == (12.5, "A-1", 3, "selected")
    assert row["date"] == "2026-02-01"
    assert row["time"].startswith("09:30:00")


def test_amounts_can_be_summed_and_dates_compared(ledger: Ledger) -> None:
    ledger.form_type("invoice")
    for file, amount, day in (("a", "9.5", 1), ("b", "10.25", 2), ("c", "100", 3)):
        values = [
            {"field": "Total", "value_number": Decimal(amount)},
            {"field": "Day", "value_date": date(2026, 1, day)},
        ]
        ledger.document("invoice", file, values=values)
    fields = [FieldSpec("Total", "number"), FieldSpec("Day", "date")]
    query = "SELECT SUM(total) AS s, MAX(total) AS m FROM forms_invoice WHERE day >= '2026-01-02'"
    assert show(ledger.database, fields, query) == [{"s": 110.25, "m": 100}]


def test_a_text_that_could_not_be_typed_leaves_its_column_empty(ledger: Ledger) -> None:
    ledger.form_type("invoice")
    ledger.document("invoice", "a", values=[{"field": "Total", "text": "twelve", "review": True}])
    (row,) = show(ledger.database, [FieldSpec("Total", "number"), FieldSpec("Other")])
    assert (row["total"], row["other"], row["review"]) == (None, None, 1)


def test_a_persons_value_wins_even_when_it_says_that_there_is_none(ledger: Ledger) -> None:
    ledger.form_type("invoice")
    values = [
        {"field": "No", "value_text": "A-7", "review": True},
        {"field": "No", "value_text": "A-1", "source": "person"},
        {"field": "Name", "value_text": "wrong"},
        {"field": "Name", "value_text": None, "text": None, "source": "person"},
        {"field": "City", "value_text": "Bonn"},
    ]
    ledger.document("invoice", "a", values=values)
    (row,) = show(ledger.database, [FieldSpec("No"), FieldSpec("Name"), FieldSpec("City")])
    assert (row["no"], row["name"], row["city"], row["review"]) == ("A-1", None, "Bonn", 0)


def test_only_the_first_occurrence_is_shown(ledger: Ledger) -> None:
    ledger.form_type("invoice")
    values = [{"field": "No", "value_text": f"A-{9 - n}", "occurrence": n} for n in range(3)]
    ledger.document("invoice", "a", values=values)
    assert [row["no"] for row in show(ledger.database, [FieldSpec("No")])] == ["A-9"]


def test_documents_without_pages_that_were_read_are_not_shown(ledger: Ledger) -> None:
    ledger.form_type("invoice")
    ledger.form_type("other")
    for outcome in ("loaded", "partial", "dead", "gone", None):
        ledger.document("invoice", f"{outcome}.pdf", outcome)
    ledger.document("other", "a.pdf")
    shown = show(ledger.database, [FieldSpec("No")])
    assert [row["path"] for row in shown] == ["invoice/in/loaded.pdf", "invoice/in/partial.pdf"]


# --- the definition over time -----------------------------------------------------------------------


def test_an_unchanged_definition_is_left_alone(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.form_type("invoice")
    show(ledger.database, [FieldSpec("No")])
    monkeypatch.setattr(
        "pipeline.db.views.upkeep.replace_view", lambda *_, **__: pytest.fail("the view was made again")
    )
    show(ledger.database, [FieldSpec("No")])


def test_columns_of_earlier_fields_stay_where_they_were(ledger: Ledger) -> None:
    ledger.form_type("invoice")
    ledger.document("invoice", "a", values=[{"field": "Bill", "value_text": "kept"}])
    show(ledger.database, [FieldSpec("Bill"), FieldSpec("No")])
    (row,) = show(ledger.database, [FieldSpec("Name"), FieldSpec("No", "number"), FieldSpec("bill #")])
    assert list(row)[7:] == ["bill", "no", "name", "bill_2"]
    assert row["bill"] == "kept"


def test_a_field_that_changes_its_type_changes_its_column(ledger: Ledger) -> None:
    ledger.form_type("invoice")
    values = [{"field": "No", "value_text": "7", "value_number": Decimal(7)}]
    ledger.document("invoice", "a", values=values)
    assert show(ledger.database, [FieldSpec("No")])[0]["no"] == "7"
    assert show(ledger.database, [FieldSpec("No", "integer")])[0]["no"] == 7


def test_part_columns_appear_with_the_first_document_of_two_parts(ledger: Ledger) -> None:
    ledger.form_type("invoice")
    key = ledger.document("invoice", "a", values=[{"field": "No", "value_text": "one"}])
    assert "part" not in show(ledger.database, [FieldSpec("No")])[0]
    ledger.part(key, [{"field": "No", "value_text": "two"}], number=2, first_page=2, last_page=3)
    rows = show(ledger.database, [FieldSpec("No")], "SELECT * FROM forms_invoice ORDER BY part")
    assert list(rows[0])[7:] == ["no", "part", "doc_type", "first_page", "last_page"]
    assert [(r["document_id"], r["part"], r["no"], r["last_page"]) for r in rows] == [
        (key, 1, "one", 1),
        (key, 2, "two", 3),
    ]


@pytest.mark.parametrize("name", ["it's", 'a "b"', "50% */ ?", "x:y \\:z", "}{", "[a]", ";--"])
def test_field_names_of_any_kind_are_only_data(ledger: Ledger, name: str) -> None:
    ledger.form_type("invoice")
    ledger.document("invoice", "a", values=[{"field": name, "value_text": "v"}])
    for _ in range(2):
        (row,) = show(ledger.database, [FieldSpec(name)])
        assert list(row.values())[7:] == ["v"]
    assert read_stamp(ledger.database.connect(), "invoice").columns[0].field == name


@pytest.mark.parametrize("chosen", ["= 7", "IN (7, 9, 11)"])
def test_the_view_of_some_documents_reads_only_these(ledger: Ledger, chosen: str) -> None:
    ledger.form_type("invoice")
    show(ledger.database, [FieldSpec("No")])
    with ledger.database.connect() as connection:
        query = f"EXPLAIN QUERY PLAN SELECT * FROM forms_invoice WHERE document_id {chosen}"
        plan = [row[3] for row in connection.exec_driver_sql(query)]
    assert "SEARCH document USING INTEGER PRIMARY KEY (rowid=?)" in plan
    assert not [line for line in plan if line.startswith("SCAN") and "forms_invoice" not in line]


def test_other_dialects_have_a_schema_for_the_views() -> None:
    assert view_name("invoice", "sqlite") == "forms_invoice"
    assert view_name("invoice", "postgresql") == view_name("invoice", "mssql") == "forms.invoice"


@pytest.mark.parametrize("dialect", [postgresql.dialect(), mssql.dialect()])
def test_other_dialects_get_numbers_as_they_are(dialect: Any) -> None:
    columns = (ViewColumn("total", "Total", "number"), ViewColumn("n", "N", "integer"))
    query = document_query("order", columns, dialect.name)
    sql = str(CreateView("order", query, Stamp(columns, "x")).compile(dialect=dialect))
    assert sql.startswith(('CREATE VIEW forms."order" AS /*', "CREATE VIEW forms.[order] AS /*"))
    assert "AS NUMERIC" not in sql
    assert "AS BIGINT" in sql
