"""What people query, on every dialect: views of documents, line items and table cells, and target tables."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, insert, inspect, select, text

from pipeline.db import documents, listings, schema, targets
from pipeline.db.tables import document, field_value, part, table_cell
from pipeline.db.views import (
    Refreshed,
    ViewOptions,
    drop_all_views,
    drop_views,
    nested_fields,
    refresh,
    view_name,
    views_of,
)
from pipeline.errors import RowError
from pipeline.types import (
    BacklogDocument,
    BlobRef,
    DocumentResult,
    ExtractedField,
    FieldSpec,
    FormType,
    ScoredValue,
    TypedValue,
)
from tests.unit.conftest import START, Ledger

Rows = list[dict[str, Any]]


class Desk(Ledger):
    """A database of some dialect, and what an analyst asks of it."""

    def show(
        self,
        fields: Sequence[FieldSpec],
        contract: str = "evolve",
        *,
        confidence: bool = False,
        seen: Sequence[FieldSpec] = (),
        nested: bool = True,
        form_type: str = "invoice",
    ) -> Refreshed:
        options = ViewOptions(contract, confidence, nested)  # type: ignore[arg-type]
        with self.database.begin() as connection:
            return refresh(connection, form_type, fields, options, seen=seen)

    def rows(self, view: str = "invoice", order: str = "document_id") -> Rows:
        name = view_name(view, self.database.dialect.name)
        return self.query(f"SELECT * FROM {name} ORDER BY {order}")

    def query(self, statement: str) -> Rows:
        with self.database.connect() as connection:
            return [dict(row) for row in connection.execute(text(statement)).mappings()]

    def columns(self, view: str = "invoice") -> list[str]:
        name = view_name(view, self.database.dialect.name)
        with self.database.connect() as connection:
            return list(connection.execute(text(f"SELECT * FROM {name}")).keys())

    def score(self, row: FormType, key: int, *values: ScoredValue, outcome: Any = "loaded") -> None:
        """What a run commits for a document."""
        done = BacklogDocument(key, row.form_type, BlobRef("", "lake", "a", "e"), 1)
        result = DocumentResult(done, outcome, values=values, pages=1)
        by, run = self.version_id, self.run_id
        with self.database.begin() as connection:
            documents.finish(connection, [result], model_version_id=by, run_id=run, now=START)
            targets.refresh(connection, row, [key])

    def prepare(self, row: FormType, fields: Sequence[FieldSpec]) -> targets.TargetChange | None:
        options = ViewOptions(row.schema_contract, row.confidence_columns)
        with self.database.begin() as connection:
            return targets.prepare(connection, row, refresh(connection, row.form_type, fields, options))

    def same(self, table: str = "invoices", view: str = "invoice") -> Rows:
        """The rows of the target table, which are those of the view."""
        shown = self.rows(view)
        names = ", ".join(self._quote(name) for name in shown[0]) if shown else "document_id"
        kept = self.query(f"SELECT {names} FROM {table} ORDER BY document_id")
        assert [{k: _plain(v) for k, v in row.items()} for row in kept] == [
            {k: _plain(v) for k, v in row.items()} for row in shown
        ]
        return kept

    def columns_of(self, table: str) -> list[str]:
        return [column["name"] for column in inspect(self.database).get_columns(table)]

    def _quote(self, name: str) -> str:
        return self.database.dialect.identifier_preparer.quote(name)

    @property
    def version_id(self) -> int:
        with self.database.connect() as connection:
            found = connection.execute(text("SELECT MAX(id) FROM model_version")).scalar()
        return found or self.version("invoice", 1)

    @property
    def run_id(self) -> int:
        with self.database.connect() as connection:
            found = connection.execute(text("SELECT MAX(id) FROM run")).scalar()
        return found or self.run()


def _plain(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else value


def value(field: str, said: str, number: object = None, occurrence: int = 0) -> ScoredValue:
    typed = TypedValue(text=said) if number is None else TypedValue(number=Decimal(str(number)))
    return ScoredValue(ExtractedField(field, said, 1, None, 0.9, occurrence=occurrence), typed, False)


@pytest.fixture
def desk(each_database: Engine, tmp_path: Path) -> Iterator[Desk]:
    """The tables that people name are not of the schema: a server that stays must lose them by hand."""
    made = Desk(each_database, tmp_path)
    made.form_type("invoice")
    yield made
    with each_database.begin() as connection:
        connection.execute(text("DROP VIEW IF EXISTS mine"))
        drop_all_views(connection)
        kind = "VIEW" if "invoices" in inspect(connection).get_view_names() else "TABLE"
        connection.execute(text(f"DROP {kind} IF EXISTS invoices"))


ROW = FormType("invoice", "invoice", "lake", "t/", "lake", "in/", target_table="invoices")


# --- values and names -------------------------------------------------------------------------------


def test_values_are_shown_in_their_types(desk: Desk) -> None:
    values = [
        {"field": "No", "value_text": "A-1"},
        {"field": "Total", "value_number": Decimal("12345678901234.5678")},
        {"field": "Items", "value_number": Decimal(3)},
        {"field": "Date", "value_date": date(1066, 10, 14)},
        {"field": "Time", "value_time": time(9, 30)},
        {"field": "Paid", "value_mark": "selected"},
    ]
    desk.document("invoice", "a", values=values)
    fields = [
        FieldSpec("No"),
        FieldSpec("Total", "currency"),
        FieldSpec("Items", "integer"),
        FieldSpec("Date", "date"),
        FieldSpec("Time", "time"),
        FieldSpec("Paid", "selectionMark"),
    ]
    desk.show(fields)
    (row,) = desk.rows()
    assert (row["no"], row["items"], row["paid"]) == ("A-1", 3, "selected")
    assert float(row["total"]) == 12345678901234.5678
    assert str(row["date"]) == "1066-10-14"
    assert str(row["time"]).startswith("09:30:00")


def test_a_whole_number_too_large_for_its_column_does_not_break_the_view(desk: Desk) -> None:
    desk.document("invoice", "a", values=[{"field": "N", "value_number": Decimal(10) ** 20}])
    desk.document("invoice", "b", values=[{"field": "N", "value_number": Decimal(7)}])
    desk.show([FieldSpec("N", "integer")])
    assert desk.rows()[1]["n"] == 7


@pytest.mark.parametrize(
    "name",
    ["select", "Order", "user", "group", "from", "金額", "naïve É", "it's", 'a "b"', "50% */ ?", "x:y \\:z",
     "a\\b", "City/State", "}{", "[a]", ";--", "%(x)s", "C" * 200],
)  # fmt: skip
def test_field_names_of_any_kind_are_only_data(desk: Desk, name: str) -> None:
    desk.document("invoice", "a", values=[{"field": name, "value_text": "v"}])
    for _ in range(2):
        shown = desk.show([FieldSpec(name), FieldSpec("other")], nested=False)
        assert shown.fields == {name, "other"}
    (row,) = desk.rows()
    column = shown.documents.columns[0].name
    assert row[column] == "v"
    plain = desk.query(f"SELECT {column} AS c FROM {view_name('invoice', desk.database.dialect.name)}")
    assert plain == [{"c": "v"}]


def test_fields_that_differ_by_case_or_beyond_the_limit_have_columns_of_their_own(desk: Desk) -> None:
    long = "x" * 100
    names = ["total", "Total", "TOTAL", f"{long}1", f"{long}2"]
    desk.document("invoice", "a", values=[{"field": n, "value_text": n} for n in names])
    desk.show([FieldSpec(name) for name in names])
    (row,) = desk.rows()
    assert list(row.values())[7:] == names
    assert all(len(name.encode()) <= 63 for name in row)


def test_null_is_not_the_empty_text_and_long_values_are_whole(desk: Desk) -> None:
    long = "é" * 8000
    values = [
        {"field": "empty", "value_text": ""},
        {"field": "none", "value_text": None},
        {"field": "long", "value_text": long},
    ]
    desk.document("invoice", "a", values=values)
    desk.show([FieldSpec("empty"), FieldSpec("none"), FieldSpec("long")])
    (row,) = desk.rows()
    assert (row["empty"], row["none"], row["long"]) == ("", None, long)


def test_a_persons_value_wins_even_when_it_says_that_there_is_none(desk: Desk) -> None:
    values = [
        {"field": "No", "value_text": "A-7", "review": True},
        {"field": "No", "value_text": "A-1", "source": "person"},
        {"field": "Name", "value_text": "wrong"},
        {"field": "Name", "value_text": None, "text": None, "source": "person"},
        {"field": "City", "value_text": "Bonn"},
    ]
    desk.document("invoice", "a", values=values)
    desk.show([FieldSpec("No"), FieldSpec("Name"), FieldSpec("City")])
    (row,) = desk.rows()
    assert (row["no"], row["name"], row["city"], bool(row["review"])) == ("A-1", None, "Bonn", False)


def test_each_field_has_its_confidence_beside_it(desk: Desk) -> None:
    values = [
        {"field": "total", "value_text": "9", "confidence": 0.75},
        {"field": "total confidence", "value_text": "high", "confidence": 0.5},
    ]
    desk.document("invoice", "a", values=values)
    desk.show([FieldSpec("total"), FieldSpec("total confidence")], confidence=True)
    (row,) = desk.rows()
    assert list(row.items())[7:] == [
        ("total", "9"),
        ("total_confidence_2", 0.75),
        ("total_confidence", "high"),
        ("total_confidence_confidence", 0.5),
    ]


def test_confidence_that_is_asked_for_later_comes_last_and_stays(desk: Desk) -> None:
    desk.show([FieldSpec("a"), FieldSpec("b")])
    desk.show([FieldSpec("a"), FieldSpec("b"), FieldSpec("c")], confidence=True)
    expected = ["a", "b", "a_confidence", "b_confidence", "c", "c_confidence"]
    assert desk.columns()[7:] == expected
    desk.show([FieldSpec("a_confidence"), FieldSpec("a")])
    assert desk.columns()[7:] == [*expected, "a_confidence_2"]


MANY = (
    "INSERT INTO document (form_type, container, path, path_hash, etag, size, first_seen_at) "
    "SELECT 'invoice', 'lake', n::text, md5(n::text) || md5(n::text), '1', 1, now() "
    "FROM generate_series(1, 2000) AS n",
    "INSERT INTO part (document_id, number, first_page, last_page) SELECT id, 1, 1, 1 FROM document",
    "INSERT INTO field_value (part_id, field) SELECT id, 'no' FROM part",
    "ANALYZE document, part, field_value",
)
"""Documents enough that the planner of PostgreSQL has something to choose by."""


def test_the_view_of_one_document_reads_only_that_document(desk: Desk) -> None:
    if desk.database.dialect.name != "postgresql":
        pytest.skip("the plan of SQLite has a test of its own")
    desk.show([FieldSpec("no"), FieldSpec("t/x")])
    with desk.database.begin() as connection:
        for statement in MANY:
            connection.execute(text(statement))
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        for view in ("invoice", "invoice__t"):
            plan = connection.scalars(text(f"EXPLAIN SELECT * FROM forms.{view} WHERE document_id = 7")).all()
            said = "\n".join(plan)
            assert re.search(r"Index Cond: .*\bid = 7\b", said)
            assert re.search(r"Index Cond: .*\bdocument_id = 7\b", said)


# --- the contract -----------------------------------------------------------------------------------


def test_new_fields_become_columns_at_the_end(desk: Desk) -> None:
    desk.show([FieldSpec("b"), FieldSpec("a")])
    shown = desk.show([FieldSpec("c"), FieldSpec("a")])
    assert desk.columns()[7:] == ["b", "a", "c"]
    assert shown.documents.plan.added == ("c",)


@pytest.mark.parametrize("contract", ["freeze", "discard"])
def test_a_closed_contract_keeps_the_columns_of_the_first_view(desk: Desk, contract: str) -> None:
    first = desk.show([FieldSpec("a"), FieldSpec("items/x")], contract)
    assert (first.documents.plan.frozen, first.settled) == ((), False)
    desk.document("invoice", "a", values=[{"field": "a", "value_text": "1"}])
    later = [FieldSpec("a", column="other"), FieldSpec("b"), FieldSpec("items/x"), FieldSpec("items/y")]
    shown = desk.show([*later, FieldSpec("more/z")], contract)
    assert desk.columns()[7:] == ["a"]
    assert desk.columns("invoice__items")[5:] == ["x"]
    assert shown.fields == {"a", "items/x"}
    assert shown.documents.plan.frozen == ("b",)
    assert shown.items[0].fields(shown.items[0].plan.frozen) == ["items/y"]
    assert shown.frozen == ("more/z",)
    assert len(views(desk)) == 2


def views(desk: Desk, form_type: str = "invoice") -> list[str]:
    with desk.database.connect() as connection:
        return views_of(connection, form_type)


def test_a_view_without_any_field_settles_nothing(desk: Desk) -> None:
    desk.show([], "freeze")
    assert desk.show([FieldSpec("a")], "freeze").documents.plan.added == ("a",)


def test_who_may_read_a_view_may_read_it_when_it_was_made_anew(desk: Desk) -> None:
    if desk.database.dialect.name != "postgresql":
        pytest.skip("SQLite has no grants; SQL Server alters a view in place")
    role = f"Analyst {uuid.uuid4().hex}"
    may = f"SELECT has_table_privilege('{role}', 'forms.invoice', 'SELECT') AS may"
    desk.show([FieldSpec("total", "string")])
    with desk.database.begin() as connection:
        connection.execute(text(f'CREATE ROLE "{role}"'))
        connection.execute(text(f'GRANT SELECT ON forms.invoice TO "{role}"'))
    desk.show([FieldSpec("total", "number")])
    assert desk.query(may) == [{"may": True}]
    with desk.database.begin() as connection:
        connection.execute(text(f'DROP OWNED BY "{role}"'))
        connection.execute(text(f'DROP ROLE "{role}"'))


def test_a_field_that_changes_its_type_is_told_and_keeps_its_place(desk: Desk) -> None:
    values = [{"field": "No", "text": "7 Nov", "value_text": "7 Nov"}, {"field": "z", "value_text": "z"}]
    desk.document("invoice", "a", values=values)
    desk.show([FieldSpec("No"), FieldSpec("z")])
    (change,) = desk.show([FieldSpec("No", "date"), FieldSpec("z")]).documents.plan.retyped
    assert (change.field, change.earlier, change.now, change.kept) == ("No", "text", "date", False)
    assert desk.rows()[0]["no"] is None
    (change,) = desk.show([FieldSpec("No"), FieldSpec("z")]).documents.plan.retyped
    assert (change.earlier, change.now) == ("date", "text")
    assert desk.show([FieldSpec("No"), FieldSpec("z")]).documents.plan.retyped == ()
    assert list(desk.rows()[0].items())[7:] == [("no", "7 Nov"), ("z", "z")]


def test_a_frozen_column_of_text_goes_on_showing_what_was_read(desk: Desk) -> None:
    desk.show([FieldSpec("due")], "freeze")
    desk.document(
        "invoice", "a", values=[{"field": "due", "text": "1 May 2020", "value_date": date(2020, 5, 1)}]
    )
    (change,) = desk.show([FieldSpec("due", "date")], "freeze").documents.plan.retyped
    assert change.kept
    assert desk.rows()[0]["due"] == "1 May 2020"


def test_a_column_that_is_named_anew_is_told(desk: Desk) -> None:
    desk.show([FieldSpec("a"), FieldSpec("b")])
    shown = desk.show([FieldSpec("a", column="Amount"), FieldSpec("b")])
    assert shown.documents.plan.renamed == (("a", "Amount"),)
    assert desk.columns()[7:] == ["Amount", "b"]


def test_parts_have_a_row_each_whatever_the_contract(desk: Desk) -> None:
    key = desk.document("invoice", "a", values=[{"field": "no", "value_text": "one"}])
    desk.show([FieldSpec("no")], "freeze")
    desk.part(key, [{"field": "no", "value_text": "two"}], number=2, first_page=2, last_page=3)
    desk.show([FieldSpec("no")], "freeze")
    found = [(r["part"], r["no"], r["last_page"]) for r in desk.rows(order="part")]
    assert found == [(1, "one", 1), (2, "two", 3)]


def test_a_view_that_others_stand_on_is_not_dropped(desk: Desk) -> None:
    if desk.database.dialect.name != "postgresql":
        pytest.skip("only PostgreSQL knows what stands on a view")
    desk.show([FieldSpec("no"), FieldSpec("z")])
    with desk.database.begin() as connection:
        connection.execute(text("CREATE VIEW mine AS SELECT no FROM forms.invoice"))
    desk.show([FieldSpec("no"), FieldSpec("z"), FieldSpec("more")])
    with pytest.raises(RowError, match="stand on it") as caught:
        desk.show([FieldSpec("no", "date"), FieldSpec("z")])
    assert caught.value.reason == "view-in-use"
    assert desk.columns()[7:] == ["no", "z", "more"]


def test_a_view_that_somebody_goes_on_reading_is_not_waited_for_long(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    if desk.database.dialect.name == "sqlite":
        pytest.skip("readers of SQLite hold nobody up")
    desk.show([FieldSpec("no")])
    monkeypatch.setattr("pipeline.db.views.statements.LOCK_SECONDS", 0.1)
    with desk.database.connect() as reader:
        reader.execute(text("SELECT * FROM forms.invoice"))
        with pytest.raises(RowError, match="does not end") as caught:
            desk.show([FieldSpec("no", "date")])
    assert caught.value.reason == "locked"
    desk.show([FieldSpec("no", "date")])


def test_rows_of_several_runs_come_to_the_first_view_at_once(desk: Desk) -> None:
    names = [f"kind{n}" for n in range(6)]
    for name in names:
        desk.form_type(name)
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(lambda name: desk.show([FieldSpec("a")], form_type=name), names))
    assert [desk.columns(name)[7:] for name in names] == [["a"]] * 6


def test_a_schema_that_is_taken_away_takes_its_views_with_it(desk: Desk) -> None:
    desk.show([FieldSpec("no"), FieldSpec("t/x")])
    name = view_name("theirs", desk.database.dialect.name)
    with desk.database.begin() as connection:
        connection.execute(text(f"CREATE VIEW {name} AS SELECT 1 AS one"))
    schema.downgrade(desk.database, "base")
    schema.upgrade(desk.database)
    with desk.database.begin() as connection:
        assert [view for key in ("invoice", "theirs") for view in views_of(connection, key)] == ["theirs"]
        connection.execute(text(f"DROP VIEW {name}"))


# --- line items and cells ----------------------------------------------------------------------------


def item(table: str, column: str, row: int, **columns: Any) -> Mapping[str, Any]:
    return {"field": f"{table}/{column}", "occurrence": row} | columns


LINES = [
    item("Line Items", "Price", 0, value_number=Decimal("9.5")),
    item("Line Items", "What", 0, value_text="nails"),
    item("Line Items", "What", 1, value_text="screws"),
    {"field": "No", "value_text": "A-1"},
]
ITEMS = [FieldSpec("No"), FieldSpec("Line Items/What"), FieldSpec("Line Items/Price", "number")]


def test_line_items_are_rows_of_a_view_of_their_own(desk: Desk) -> None:
    key = desk.document("invoice", "a", values=LINES)
    desk.document("invoice", "b", "dead")
    desk.show(ITEMS)
    assert desk.columns()[7:] == ["no"]
    found = desk.rows("invoice__line_items", "item")
    assert list(found[0]) == ["document_id", "path", "part", "item", "review", "what", "price"]
    assert [(r["document_id"], r["part"], r["item"], r["what"]) for r in found] == [
        (key, 1, 1, "nails"),
        (key, 1, 2, "screws"),
    ]
    assert (float(found[0]["price"]), found[1]["price"]) == (9.5, None)
    assert found[0]["path"] == "invoice/in/a"


def test_a_person_corrects_a_line_item(desk: Desk) -> None:
    own = item("Line Items", "What", 1, value_text="bolts", source="person")
    desk.document("invoice", "a", values=[*LINES, own])
    desk.show(ITEMS)
    assert [r["what"] for r in desk.rows("invoice__line_items", "item")] == ["nails", "bolts"]


def test_columns_of_line_items_that_no_model_lists_are_found_in_the_values(desk: Desk) -> None:
    run = desk.run_id
    desk.document("invoice", "a", values=LINES, run_id=run)
    with desk.database.connect() as connection:
        seen = nested_fields(connection, "invoice")
        assert nested_fields(connection, "invoice", run) == seen
        assert nested_fields(connection, "invoice", run + 1) == ()
    assert seen == (FieldSpec("Line Items/Price", "number"), FieldSpec("Line Items/What"))
    desk.show([FieldSpec("No")], seen=seen)
    assert desk.columns("invoice__line_items")[5:] == ["price", "what"]
    shown = desk.show([FieldSpec("No")], seen=[FieldSpec("Line Items/Price"), FieldSpec("Line Items/Tax")])
    assert desk.columns("invoice__line_items")[5:] == ["price", "what", "tax"]
    assert shown.items[0].plan.retyped == ()


def test_views_of_tables_never_take_the_name_of_another(desk: Desk) -> None:
    for name in ("a", "a_", "a_b"):
        desk.form_type(name)
        desk.document(name, "x", values=[{"field": "b/c", "value_text": name}])
        desk.show([FieldSpec("b/c")], form_type=name)
    assert [desk.rows(f"{name}__b")[0]["c"] for name in ("a", "a_", "a_b")] == ["a", "a_", "a_b"]
    with desk.database.begin() as connection:
        drop_views(connection, "a")
    assert [views(desk, name) for name in ("a", "a_", "a_b")] == [
        [],
        ["a_", "a___b"],
        ["a_b", "a_b__b"],
    ]


def test_tables_of_like_names_have_a_view_each_and_keep_it(desk: Desk) -> None:
    long = "y" * 90
    tables = ["Items", "items", "table cells", f"{long}1", f"{long}2"]
    desk.show([FieldSpec(f"{table}/a") for table in tables])
    first = views(desk)
    assert len(first) == 6
    assert "invoice__table_cells" not in first
    assert all(len(view.encode()) <= 63 for view in first)
    desk.show([FieldSpec("ITEMS/a"), FieldSpec("items/a")])
    assert set(views(desk)) == {*first, "invoice__items_3"}


def test_the_cells_of_tables_have_a_view(desk: Desk) -> None:
    key = desk.document("invoice", "a")
    desk.show([FieldSpec("No")])
    assert views(desk) == ["invoice"]
    with desk.database.begin() as connection:
        part_id = connection.scalar(select(part.c.id).where(part.c.document_id == key))
        cell = {"part_id": part_id, "table_index": 0, "row_index": 2, "page": 1}
        connection.execute(insert(table_cell).values(**cell, column_index=1, text="9.50"))
    desk.show([FieldSpec("No")])
    (row,) = desk.rows("invoice__table_cells")
    assert (row["document_id"], row["row_index"], row["column_index"], row["text"]) == (key, 2, 1, "9.50")


# --- target tables ------------------------------------------------------------------------------------

FIELDS = [FieldSpec("No"), FieldSpec("Total", "number"), FieldSpec("Due", "date"), FieldSpec("order")]


def test_a_target_table_is_the_view(desk: Desk) -> None:
    desk.document("invoice", "before", values=[{"field": "No", "value_text": "old"}])
    change = desk.prepare(replace(ROW, confidence_columns=True), FIELDS)
    assert change is not None
    assert change.created
    assert desk.same()[0]["no"] == "old"
    key = desk.document("invoice", "a", None)
    desk.score(ROW, key, value("No", "A-1"), value("Total", "9.5", 9.5), value("order", "é" * 8000))
    assert desk.same()[1]["no"] == "A-1"
    primary = inspect(desk.database).get_pk_constraint("invoices")["constrained_columns"]
    assert primary == ["document_id"]


def test_a_target_table_follows_scoring_death_and_forgetting(desk: Desk) -> None:
    desk.prepare(ROW, FIELDS)
    keys = [desk.document("invoice", name, None) for name in "abc"]
    for key in keys:
        desk.score(ROW, key, value("No", "1"), value("Total", "2", 2))
    desk.score(ROW, keys[0], value("No", "2"))
    assert next((r["no"], r["total"]) for r in desk.same()) == ("2", None)
    desk.score(ROW, keys[1], outcome="dead")
    assert [r["document_id"] for r in desk.same()] == [keys[0], keys[2]]
    with desk.database.begin() as connection:
        targets.remove(connection, ROW.target_table, [keys[0], 999])
        connection.execute(delete(document).where(document.c.id == keys[0]))
    assert [r["document_id"] for r in desk.same()] == [keys[2]]
    with desk.database.begin() as connection:
        targets.clear(connection, ROW.target_table, "other")
        targets.clear(connection, "nothing_of_the_kind", "invoice")
    assert len(desk.query("SELECT * FROM invoices")) == 1
    with desk.database.begin() as connection:
        targets.clear(connection, ROW.target_table, "invoice")
    assert desk.query("SELECT * FROM invoices") == []


def test_a_target_table_catches_up_with_what_changed_without_it(desk: Desk) -> None:
    desk.prepare(ROW, FIELDS)
    keys = [desk.document("invoice", name, None) for name in "abcd"]
    for key in keys:
        desk.score(ROW, key, value("No", "1"))
    with desk.database.begin() as connection:
        listings.mark_gone(connection, [keys[0]], START + timedelta(days=1))
        documents.reset(connection, "invoice", outcomes=["loaded"])
        connection.execute(text(f"DELETE FROM invoices WHERE document_id = {keys[2]}"))
        connection.execute(delete(document).where(document.c.id == keys[3]))
        assert targets.catch_up(connection, ROW) == 3
        assert targets.catch_up(connection, ROW) == 0
    assert [r["outcome"] for r in desk.same()] == ["gone", "pending", "pending"]


def test_a_persons_correction_reaches_the_target_table(desk: Desk) -> None:
    desk.prepare(ROW, FIELDS)
    key = desk.document("invoice", "a", None)
    desk.score(ROW, key, value("No", "1"))
    with desk.database.begin() as connection:
        part_id = connection.scalar(select(part.c.id))
        own = {"part_id": part_id, "field": "No", "source": "person", "value_text": "right"}
        connection.execute(insert(field_value).values(**own))
        targets.refresh(connection, ROW, [key])
    assert desk.same()[0]["no"] == "right"
    desk.score(ROW, key, value("No", "again wrong"))
    assert desk.same()[0]["no"] == "right"


def test_a_target_table_evolves_with_its_view(desk: Desk) -> None:
    desk.document("invoice", "a", values=[{"field": "No", "value_number": Decimal(7), "text": "7"}])
    desk.prepare(ROW, [FieldSpec("No", column="first")])
    with desk.database.begin() as connection:
        connection.execute(text("ALTER TABLE invoices ADD own_note VARCHAR(20) NULL"))
        connection.execute(text("UPDATE invoices SET own_note = 'kept'"))
    fields = [FieldSpec("No", "number", column="second"), FieldSpec("fresh")]
    change = desk.prepare(ROW, fields)
    assert change is not None
    assert (change.renamed, change.added, change.retyped) == ((("first", "second"),), ("fresh",), ())
    change = desk.prepare(ROW, fields)
    assert change is not None
    assert (change.changed, change.retyped) == (True, ("second",))
    assert float(desk.same()[0]["second"]) == 7
    assert desk.query("SELECT own_note FROM invoices") == [{"own_note": "kept"}]
    again = desk.prepare(ROW, fields)
    assert again is not None
    assert not again.changed


def test_a_target_table_gets_a_row_for_each_part(desk: Desk) -> None:
    key = desk.document("invoice", "a", values=[{"field": "No", "value_text": "one"}])
    desk.prepare(ROW, FIELDS)
    desk.part(key, [{"field": "No", "value_text": "two"}], number=2, first_page=2, last_page=3)
    change = desk.prepare(ROW, FIELDS)
    assert change is not None
    assert change.remade
    assert sorted((r["part"], r["no"]) for r in desk.query("SELECT part, no FROM invoices")) == [
        (1, "one"),
        (2, "two"),
    ]
    with desk.database.begin() as connection:
        connection.execute(delete(part).where(part.c.number == 2))
        targets.refresh(connection, ROW, [key])
    assert [r["part"] for r in desk.query("SELECT part FROM invoices")] == [1]


def test_a_table_in_a_schema_of_its_own(desk: Desk) -> None:
    if desk.database.dialect.name == "sqlite":
        pytest.skip("SQLite has no schemas")
    with desk.database.begin() as connection:
        connection.execute(text("CREATE SCHEMA marts"))
    row = replace(ROW, target_table="marts.Order")
    try:
        desk.prepare(row, FIELDS)
        key = desk.document("invoice", "a", None)
        desk.score(row, key, value("No", "1"))
        assert desk.same(f"marts.{desk._quote('Order')}")[0]["no"] == "1"
    finally:
        with desk.database.begin() as connection:
            connection.execute(text(f"DROP TABLE marts.{desk._quote('Order')}"))
            connection.execute(text("DROP SCHEMA marts"))


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("CREATE TABLE invoices (document_id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(9))", "foreign"),
        ("CREATE TABLE invoices (id INTEGER, path VARCHAR(9))", "foreign"),
        ("CREATE VIEW invoices AS SELECT 1 AS document_id", "foreign"),
    ],
)
def test_a_table_of_somebody_else_is_left_alone(desk: Desk, statement: str, reason: str) -> None:
    with desk.database.begin() as connection:
        connection.execute(text(statement))
    before = desk.columns_of("invoices")
    with pytest.raises(RowError) as caught:
        desk.prepare(ROW, FIELDS)
    assert caught.value.reason == f"target-table-{reason}"
    with desk.database.begin() as connection:
        with pytest.raises(RowError, match="not ours"):
            targets.remove(connection, "invoices", [1])
        targets.remove(connection, "invoices_2", [1])
        targets.remove(connection, "nowhere.invoices", [1])
        targets.clear(connection, "invoices", "invoice")
    assert desk.columns_of("invoices") == before


def test_a_schema_that_is_not_there_and_a_table_of_two_rows_are_named(desk: Desk) -> None:
    with pytest.raises(RowError, match="no schema nowhere") as caught:
        desk.prepare(replace(ROW, target_table="nowhere.invoices"), FIELDS)
    assert caught.value.reason == "target-schema-missing"
    desk.form_type("other", target_table="INVOICES")
    with pytest.raises(RowError, match="form type other") as caught:
        desk.prepare(ROW, FIELDS)
    assert caught.value.reason == "target-table-shared"


def test_what_the_database_refuses_ends_the_row_and_writes_nothing(desk: Desk) -> None:
    desk.prepare(ROW, FIELDS)
    key = desk.document("invoice", "a", None)
    with desk.database.begin() as connection:
        connection.execute(text("DROP TABLE invoices"))
    with pytest.raises(RowError, match="invoices") as caught:
        desk.score(ROW, key, value("No", "1"))
    assert caught.value.reason == "target-table-refused"
    with desk.database.connect() as connection:
        assert connection.scalar(select(document.c.outcome)) is None
