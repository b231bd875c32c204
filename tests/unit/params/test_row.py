from __future__ import annotations

from decimal import Decimal

import pytest

from pipeline.db.tables import form_field, form_type
from pipeline.params.columns import ALLOWED
from pipeline.params.row import (
    FieldRow,
    ParameterRow,
    read_field,
    read_row,
    to_cells,
    to_field_cells,
    to_form_type,
)
from pipeline.types import FieldSpec, FormType, SecretNames

MINIMAL = {"form_type": "w9", "training_container_name": "forms", "scoring_container_name": "forms"}


def test_the_row_has_the_columns_of_the_table_and_each_is_explained() -> None:
    assert list(ParameterRow.model_fields) == [column.name for column in form_type.columns]
    assert list(FieldRow.model_fields) == [column.name for column in form_field.columns]
    assert set(ALLOWED) == set(ParameterRow.model_fields) | set(FieldRow.model_fields)


def test_the_defaults_are_those_of_the_table() -> None:
    cells = to_cells(to_form_type(read_row(MINIMAL).row))
    for column in form_type.columns:
        if column.server_default is None:
            continue
        text = str(getattr(column.server_default.arg, "text", column.server_default.arg))
        stated = {"true": True, "false": False}.get(text, text)
        assert str(cells[column.name]) == str(stated), column.name


def test_empty_cells_of_sql_users_stand_for_the_default() -> None:
    blank = dict.fromkeys(ParameterRow.model_fields, "  ") | MINIMAL
    assert read_row(blank).row == read_row(MINIMAL).row
    assert not read_row(blank).complaints


def test_columns_may_be_written_in_any_case() -> None:
    assert read_row({"FORM_TYPE ": "w9"}).row.form_type == "w9"


@pytest.mark.parametrize(
    ("mark", "read"), [("-1", "-1"), (-1, "-1"), (" -1 ", "-1"), ("", None), (None, None)]
)
def test_a_model_to_be_made_has_no_id_but_the_request_is_kept(mark: object, read: str | None) -> None:
    assert read_row({**MINIMAL, "model_id": mark}).row.model_id == read


def test_folders_end_in_a_slash() -> None:
    row = read_row(
        {**MINIMAL, "training_blob_root_folder": "acme", "scoring_input_blob_folder": "acme2/"}
    ).row
    assert (row.training_blob_root_folder, row.scoring_input_blob_folder) == ("acme/", "acme2/")


def test_the_group_is_the_key_where_none_is_given() -> None:
    assert to_form_type(read_row(MINIMAL).row).group == "w9"
    assert to_form_type(read_row({**MINIMAL, "form_batch_group_id": 7}).row).group == "7"


@pytest.mark.parametrize(("cell", "kept"), [("image/tif", "image/tiff"), ("IMAGE/JPG", "image/jpeg")])
def test_known_spellings_of_content_types_are_understood(cell: str, kept: str) -> None:
    assert read_row({**MINIMAL, "file_type": cell}).row.file_type == kept


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("min_confidence", 1.01),
        ("min_confidence", -0.1),
        ("min_confidence", "nan"),
        ("min_confidence", "high"),
        ("min_confidence", True),
        ("parallelism", 0),
        ("parallelism", 1001),
        ("parallelism", "many"),
        ("parallelism", 1.5),
        ("parallelism", True),
        ("max_pages", 0),
        ("max_pages", 2**31),
        ("max_pages_per_run", -1),
        ("max_cost_per_run", "-0.01"),
        ("max_cost_per_run", "Infinity"),
        ("max_train_runs", -1),
        ("max_attempts", 0),
        ("keep_versions", 0),
        ("priority", -1),
        ("enabled", "perhaps"),
        ("retrain", "sometimes"),
        ("split", "pages"),
        ("schema_contract", "x"),
        ("model_kind", "forms"),
        ("training_container_name", "../forms"),
        ("training_blob_root_folder", "../w9"),
        ("evaluation_blob_folder", "/w9"),
        ("scoring_output_blob_folder", "a\\b"),
        ("form_batch_group_id", "a;b"),
        ("model_id", "a/../b"),
        ("target_table", "x; drop table y"),
        ("form_description", "a\x07"),
        ("key_secret", "?sig=x"),
        ("locale", False),
        ("sinks", 5),
        ("api_version", ["v2.0"]),
        ("colour", "red"),
    ],
)
def test_a_wrong_cell_is_one_complaint_about_its_column(column: str, cell: object) -> None:
    reading = read_row({**MINIMAL, column: cell})
    assert [complaint.column for complaint in reading.complaints] == [column]
    assert reading.complaints[0].allowed
    assert reading.complaints[0].remedy


def test_every_wrong_cell_is_told_and_the_good_ones_are_kept() -> None:
    reading = read_row({**MINIMAL, "min_confidence": 80, "parallelism": 0, "priority": 5})
    assert reading.faulty == {"min_confidence", "parallelism"}
    assert reading.row.priority == 5


@pytest.mark.parametrize("cell", [7, 80, "95%", -1, "high", True])
def test_what_is_no_share_is_answered_without_a_guess(cell: object) -> None:
    [complaint] = read_row({**MINIMAL, "min_confidence": cell}).complaints
    assert complaint.remedy in ("write a share between 0 and 1", "write a number")


@pytest.mark.parametrize(
    ("column", "cell", "meant"),
    [("split", "perpage", "per_page"), ("retrain", "on change", "on_change"), ("enabeld", 1, "enabled")],
)
def test_a_slip_is_answered_with_what_was_probably_meant(column: str, cell: object, meant: str) -> None:
    assert read_row({**MINIMAL, column: cell}).complaints[0].remedy == f"did you mean {meant!r}?"


def test_an_amount_keeps_its_digits() -> None:
    assert read_row({**MINIMAL, "max_cost_per_run": 1.1}).row.max_cost_per_run == Decimal("1.1")


def test_a_record_and_its_cells_say_the_same() -> None:
    record = FormType(
        form_type="w9",
        group="tax",
        training_container="train",
        training_folder="w9/",
        scoring_container="score",
        scoring_folder="",
        description="Request for Taxpayer Id",
        use_label_file=False,
        evaluation_folder="eval/",
        output_folder="",
        model_id="m-1",
        file_type="image/tiff",
        retrain="never",
        enabled=False,
        priority=5,
        parallelism=2,
        min_confidence=0.25,
        locale="de-AT",
        max_pages=3,
        max_cost_per_run=Decimal("1.10"),
        sinks=("sql", "parquet"),
        target_table="dbo.w9",
        secrets=SecretNames("a", "b", "c", "d", "e", "f"),
    )
    assert to_form_type(read_row(to_cells(record)).row) == record


def test_a_field_and_its_cells_say_the_same() -> None:
    spec = FieldSpec("Order Date", "date", "mdy", True, "en-US", 0.9, "order_date")
    row = read_field(to_field_cells("w9", spec)).row
    assert to_form_type(read_row(MINIMAL).row, (row,)).fields == (spec,)
