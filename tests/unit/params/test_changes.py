from __future__ import annotations

from datetime import date

from pipeline.params.changes import CellChange, Change, Changes, plan_changes
from pipeline.params.declarations import Raw, declare
from pipeline.params.rules import Validated, validate
from pipeline.services import load_services

Row = dict[str, object]


def row(key: str, **cells: object) -> Row:
    places = {"training_container_name": "forms", "scoring_container_name": "forms"}
    folders = {"training_blob_root_folder": f"{key}/t", "scoring_input_blob_folder": f"{key}/b"}
    return {"form_type": key, **places, **folders, **cells}


def planned(table: list[Row], *declared: Row, fields: list[Row] | None = None) -> Changes:
    def judge(rows: list[Raw], own: list[Raw]) -> Validated:
        return validate(rows, own, load_services(), date(2026, 11, 21))

    return plan_changes(table, fields or [], declare(declared), judge)  # type: ignore[arg-type]


def kinds(changes: Changes) -> dict[str, str]:
    return {change.form_type: change.kind for change in changes.changes}


def test_rows_are_added_changed_or_unchanged() -> None:
    found = planned([row("a"), row("b")], row("a"), row("b", locale="de"), row("c"))
    assert kinds(found) == {"a": "unchanged", "b": "changed", "c": "added"}
    assert found.changes[1] == Change("b", "changed", (CellChange("locale", "", "de"),))
    assert [each.form_type for each in found.form_types] == ["b", "c"]


def test_rows_that_are_not_mentioned_stay_out_of_it() -> None:
    assert kinds(planned([row("a")], row("b"))) == {"b": "added"}


def test_a_column_that_is_not_mentioned_gets_its_default() -> None:
    found = planned([row("a", priority=5)], row("a"))
    assert found.changes[0].cells == (CellChange("priority", "5", "100"),)


def test_the_model_and_the_fields_stay_where_they_are_not_mentioned() -> None:
    fields: list[Row] = [{"form_type": "a", "field": "ssn", "required": 1}]
    found = planned([row("a", model_id="m-1")], row("a", locale="de"), fields=fields)
    assert found.form_types[0].model_id == "m-1"
    assert [spec.name for spec in found.form_types[0].fields] == ["ssn"]


def test_fields_that_are_mentioned_replace_the_old_ones() -> None:
    fields: list[Row] = [{"form_type": "a", "field": "ssn"}]
    found = planned([row("a")], row("a", fields=[{"field": "ein"}]), fields=fields)
    assert [spec.name for spec in found.form_types[0].fields] == ["ein"]
    assert {cell.column for cell in found.changes[0].cells} == {"fields[ssn]", "fields[ein]"}


def test_a_faulty_row_is_left_out_and_the_others_are_applied() -> None:
    found = planned([], row("a", priority=-1), row("b"))
    assert kinds(found) == {"b": "added"}
    assert [(fault.row, fault.column) for fault in found.faults] == [("a", "priority")]


def test_faults_of_rows_that_are_not_mentioned_are_not_told() -> None:
    assert not planned([row("a", priority=-1)], row("b")).faults


def test_a_faulty_row_of_the_table_can_be_mended() -> None:
    found = planned([row("a", priority="soon")], row("a"))
    assert found.changes == (Change("a", "changed", (CellChange("priority", "soon", "100"),)),)


def test_rows_are_judged_again_without_those_that_are_left_out() -> None:
    """Both rows of a group move, and one has a fault of its own: moving the other alone would split them."""
    shared = {"form_batch_group_id": "tax", "training_blob_root_folder": "tax"}
    table = [row("a", **shared), row("b", **shared)]
    moved = {**shared, "training_container_name": "other"}
    found = planned(table, row("a", **moved, priority=-1), row("b", **moved))
    assert not found.form_types
    assert [(fault.row, fault.column) for fault in found.faults] == [
        ("a", "priority"),
        ("b", "training_container_name"),
    ]


def test_rows_with_one_key_in_a_file_change_nothing() -> None:
    found = planned([row("a")], row("a", priority=1), row("a", priority=2))
    assert not found.changes
    assert len(found.faults) == 2


def test_a_row_whose_key_yaml_made_a_truth_value_is_a_fault() -> None:
    found = planned([], row("x", form_type=False), row("y", form_type=0), row("b"))
    assert kinds(found) == {"b": "added"}
    assert {fault.row for fault in found.faults} == {"False", "0"}
