from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from pipeline.errors import RowError
from pipeline.params.original import import_from, translate
from pipeline.params.rules import validate
from pipeline.services import load_services

ROW: dict[str, object] = {
    "form_description": "Acme invoices",
    "form_batch_group_id": "",
    "model_id": "-1",
    "training_container_name": "training",
    "training_blob_root_folder": "/acme/train",
    "scoring_container_name": "scoring",
    "scoring_input_blob_folder": "acme/in/",
    "scoring_output_blob_folder": "acme/out",
    "file_type": "image/tif",
}


def test_a_row_of_the_original_recipe_runs_here() -> None:
    found = validate(translate([ROW], engine="local").rows, [], load_services(), date(2026, 11, 21))
    assert not found.faults
    [row] = found.form_types
    assert (row.form_type, row.group, row.model_id) == ("acme_invoices", "acme_invoices", None)
    assert (row.training_container, row.training_folder) == ("training", "acme/train/")
    assert (row.scoring_container, row.scoring_folder, row.output_folder) == (
        "scoring",
        "acme/in/",
        "acme/out/",
    )
    assert (row.description, row.file_type, row.engine) == ("Acme invoices", "image/tiff", "local")


@pytest.mark.parametrize(
    ("cells", "key"),
    [
        ({}, "acme_invoices"),
        ({"form_description": None}, "acme_train"),
        ({"form_description": "  ", "training_blob_root_folder": None}, "acme_in"),
        ({"form_description": "2019 W-9 (Rev. Oct)"}, "w_9_rev_oct"),
        ({"form_description": "x" * 60}, "x" * 40),
        (
            {"form_description": "請求書", "training_blob_root_folder": "", "scoring_input_blob_folder": ""},
            "form_1",
        ),
    ],
)
def test_the_key_is_made_of_description_or_folder(cells: dict[str, object], key: str) -> None:
    assert translate([ROW | cells], engine="local").rows[0]["form_type"] == key


def test_keys_are_unique_and_the_same_in_any_order() -> None:
    rows = [ROW | {"scoring_input_blob_folder": f"in{n}", "form_description": "x" * 60} for n in range(12)]
    forward = translate(rows, engine="local").rows
    assert len({row["form_type"] for row in forward}) == 12
    assert all(len(str(row["form_type"])) <= 40 for row in forward)
    assert translate(rows[::-1], engine="local").rows == forward


def test_a_row_without_a_group_does_not_fall_into_the_group_of_another() -> None:
    rows = [
        ROW | {"form_description": "Orders", "form_batch_group_id": None},
        ROW | {"form_description": "Archive", "form_batch_group_id": "orders"},
        ROW | {"form_description": "Bills", "form_batch_group_id": "bills"},
    ]
    found = {row["form_type"]: row.get("form_batch_group_id") for row in translate(rows, engine="local").rows}
    assert found == {"orders_2": None, "archive": "orders", "bills": "bills"}


def test_ids_that_are_no_text_are_taken_as_text() -> None:
    cells = {"model_id": UUID(int=7), "form_batch_group_id": Decimal(12)}
    [found] = translate([ROW | cells], engine="form-recognizer", api_version="v2.1").rows
    assert found["model_id"] == "00000000-0000-0000-0000-000000000007"
    assert found["form_batch_group_id"] == "12"


def test_columns_may_be_missing_and_of_any_case() -> None:
    row = {"Form_Description": "Acme", "TRAINING_CONTAINER_NAME": "forms"}
    [found] = translate([row], engine="local").rows
    assert found["training_container_name"] == "forms"
    assert "scoring_container_name" not in found


def test_a_model_of_the_service_is_kept_only_for_a_service() -> None:
    local = translate([ROW | {"model_id": "abc"}], engine="local")
    cloud = translate([ROW | {"model_id": "abc"}], engine="form-recognizer", api_version="v2.1")
    assert "model_id" not in local.rows[0]
    assert any("model_id" in note for note in local.notes)
    assert (cloud.rows[0]["model_id"], cloud.rows[0]["api_version"]) == ("abc", "v2.1")
    assert not cloud.notes


def test_a_sas_in_the_table_is_neither_taken_nor_shown() -> None:
    found = translate([ROW | {"StorageSas": "?sv=2020&sig=secret"}], engine="local")
    assert "secret" not in repr(found)
    assert found.notes == ("columns not taken: storagesas",)


def test_the_old_spelling_of_the_key_secret_is_understood() -> None:
    [found] = translate([ROW | {"key_secret": "CognitiveserviceSubscriptionKey"}], engine="local").rows
    assert found["key_secret"] == "CognitiveServiceSubscriptionKey"


@pytest.mark.parametrize(
    "name",
    [
        "ParamFormRecogniser",
        "dbo.ParamFormRecogniser",
        "dbo.[paramformrecogniser]",
        "[dbo].[ParamFormRecogniser]",
        "forms_to_read",
    ],
)
def test_a_table_is_found_by_its_name(database: Engine, name: str) -> None:
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE ParamFormRecogniser (Form_Description TEXT, model_id INTEGER)"))
        connection.execute(text("INSERT INTO ParamFormRecogniser VALUES ('Acme', -1)"))
        connection.execute(text("CREATE VIEW forms_to_read AS SELECT * FROM ParamFormRecogniser"))
        found = import_from(connection, name, engine="local", api_version=None)
    assert [row["form_type"] for row in found.rows] == ["acme"]


@pytest.mark.parametrize("name", ["ParamFormRecognizer", "dbo.", "x; DROP TABLE form_type"])
def test_a_table_that_is_not_there_is_told(database: Engine, name: str) -> None:
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE ParamFormRecogniser (form_description TEXT)"))
        with pytest.raises(RowError, match="there is no table") as raised:
            import_from(connection, name, engine="local", api_version=None)
    assert raised.value.reason == "table-missing"
