"""Columns and names of views, whatever fields are called and however often they change."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.db.column_names import (
    ITEM_COLUMNS,
    LONGEST,
    OWN_COLUMNS,
    PART_COLUMNS,
    column_names,
    folded,
    table_names,
)
from pipeline.db.views.columns import ViewColumn, ViewOptions, plan_columns
from pipeline.db.views.names import own_views
from pipeline.types import FieldSpec, FieldType

_NAMES = st.sampled_from(
    [
        "total",
        "Total",
        "TOTAL",
        "total confidence",
        "total_confidence",
        "order",
        "part",
        "item",
        "金額",
        "x" * 90,
    ]
) | st.text(min_size=1, max_size=70)
_TYPES: st.SearchStrategy[FieldType] = st.sampled_from(["string", "number", "integer", "date", "phoneNumber"])
_SPECS = st.lists(
    st.builds(FieldSpec, _NAMES, _TYPES, column=st.none() | _NAMES),
    max_size=6,
    unique_by=lambda spec: spec.name,
)
_OPTIONS = st.builds(ViewOptions, st.sampled_from(["evolve", "freeze", "discard"]), confidence=st.booleans())
_STEPS = st.lists(st.tuples(_SPECS, _OPTIONS, st.booleans()), min_size=1, max_size=4)


def steps(
    found: list[tuple[list[FieldSpec], ViewOptions, bool]], items: bool
) -> list[tuple[ViewColumn, ...]]:
    views: list[tuple[ViewColumn, ...]] = [()]
    for specs, options, parts in found:
        closed = bool(views[-1]) and options.contract != "evolve"
        plan = plan_columns(views[-1], specs, options, closed=closed, parts=parts and not items, items=items)
        views.append(plan.columns)
    return views


@given(_STEPS, st.booleans())
def test_a_column_never_goes_nor_moves(
    found: list[tuple[list[FieldSpec], ViewOptions, bool]], items: bool
) -> None:
    for before, now in pairwise(steps(found, items)):
        places = [(column.field, column.kind == "confidence") for column in before]
        assert [(column.field, column.kind == "confidence") for column in now[: len(before)]] == places


@given(_STEPS, st.booleans())
def test_columns_are_short_and_told_apart(
    found: list[tuple[list[FieldSpec], ViewOptions, bool]], items: bool
) -> None:
    own = ITEM_COLUMNS if items else OWN_COLUMNS
    for columns in steps(found, items):
        names = [*own, *(column.name for column in columns)]
        assert len({folded(name) for name in names}) == len(names)
        assert all(name and len(name.encode()) <= LONGEST for name in names)


@given(_STEPS)
def test_what_changed_is_told(found: list[tuple[list[FieldSpec], ViewOptions, bool]]) -> None:
    columns: tuple[ViewColumn, ...] = ()
    for specs, options, parts in found:
        had = {column.field for column in columns if column.of_value}
        names = {column.field: column.name for column in columns if column.of_value}
        closed = bool(had) and options.contract != "evolve"
        plan = plan_columns(columns, specs, options, closed=closed, parts=parts)
        new = [spec.name for spec in specs if spec.name not in had]
        assert (list(plan.frozen) if closed else list(plan.added)) == new
        now = {column.field: column.name for column in plan.columns if column.of_value}
        assert set(plan.renamed) == {(names[f], now[f]) for f in names if names[f] != now[f]}
        if closed:
            assert (plan.added, plan.renamed) == ((), ())
        columns = plan.columns


@given(st.lists(_NAMES, unique=True, max_size=8), st.lists(_NAMES, unique=True, max_size=8))
def test_no_two_form_types_come_to_the_same_view(ones: list[str], others: list[str]) -> None:
    keys = ("a", "a_", "a_b", "a_b_", "x" * 40)
    views: dict[str, list[str]] = {}
    for key in keys:
        first = table_names(key, ones, {}, [f"{key}__table_cells"])
        later = table_names(key, others, first, [f"{key}__table_cells"])
        assert {table: later[table] for table in first} == first
        views[key] = [key, *later.values()]
        assert len(set(later.values())) == len(later)
        assert all(len(view.encode()) <= LONGEST for view in later.values())
    every = [view for names in views.values() for view in names]
    assert len(set(every)) == len(every)
    for key in keys:
        assert sorted(own_views(key, every)) == sorted(views[key])


@pytest.mark.parametrize(
    ("table", "view"),
    [
        ("Line Items", "invoice__line_items"),
        ("_items", "invoice__items"),
        ("table_cells", "invoice__table_cells_2"),
        ("order", "invoice__order"),
        ("***", "invoice__items"),
        ("がく", "invoice__がく"),
        ("y" * 90, f"invoice__{'y' * 54}"),
    ],
)
def test_a_view_of_line_items_is_named_after_its_table(table: str, view: str) -> None:
    assert table_names("invoice", [table], {}, ["invoice__table_cells"]) == {table: view}


@pytest.mark.parametrize(
    ("field", "column"),
    [
        ("がく", "がく"),
        ("금액", "금액"),
        ("Ｔｏｔａｌ", "total"),
        ("Crème Brûlée", "creme_brulee"),
        ("ŵ", "w"),
    ],
)
def test_letters_keep_what_makes_them_letters(field: str, column: str) -> None:
    assert column_names([FieldSpec(field)]) == {field: column}


def test_columns_of_parts_are_no_names_for_fields() -> None:
    names = column_names([FieldSpec(name) for name in PART_COLUMNS])
    assert not set(names.values()) & set(PART_COLUMNS)
