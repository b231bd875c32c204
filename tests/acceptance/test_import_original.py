"""A parameter table of the original recipe is taken over by one command, and the rows can run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner, Result

from pipeline.cli.main import app
from pipeline.db import schema
from pipeline.db.connection import open_database
from pipeline.errors import FormpipeError

COLUMNS = (
    "form_description",
    "form_batch_group_id",
    "model_id",
    "training_container_name",
    "training_blob_root_folder",
    "scoring_container_name",
    "scoring_input_blob_folder",
    "scoring_output_blob_folder",
    "file_type",
)
"""As the recipe of 2020 creates them; names there are of mixed case on some servers."""

ROWS = (
    ("W-9 (Rev. 2018)", None, -1, "train", "/w9/train", "score", "w9/in", "w9/out", "image/tif"),
    (
        "Purchase orders",
        "orders",
        -1,
        "train",
        "orders/train/",
        "score",
        "orders/in/",
        None,
        "application/pdf",
    ),
    ("Old purchase orders", "orders", -1, "train", "orders/train", "archive", "orders", "", ".PDF"),
    (None, "", -1, "train", "Claims 2020", "score", "claims/in", "claims/out", ""),
    ("Orders", None, -1, "train", "other/train", "score", "other/in", "other/out", "image/jpeg"),
)
SAS = "?sv=2019-12-12&sig=c2VjcmV0LXNlY3JldC1zZWNyZXQ%3D"


@pytest.fixture(params=["sqlite", "postgresql"])
def theirs(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Engine]:
    """A database with our schema and their table: in a schema `dbo` where there are schemas."""
    server = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    url = server.create() if server else f"sqlite:///{tmp_path / 'formpipe.db'}"
    engine = open_database(url)
    if not server:
        schema.upgrade(engine)
    make_their_table(engine)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORMPIPE_DATABASE_URL", url)
    yield engine
    engine.dispose()
    if server:
        server.drop(url)


def make_their_table(engine: Engine) -> None:
    table = '"ParamFormRecogniser"'
    names = ", ".join(f'"{name.title()}" {"INTEGER" if name == "model_id" else "TEXT"}' for name in COLUMNS)
    cells = ", ".join(f":{name}" for name in COLUMNS)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("CREATE SCHEMA dbo"))
            table = f"dbo.{table}"
        connection.execute(text(f'CREATE TABLE {table} ({names}, "StorageSas" TEXT, key_secret TEXT)'))
        for row in ROWS:
            connection.execute(
                text(f"INSERT INTO {table} VALUES ({cells}, '{SAS}', 'CognitiveserviceSubscriptionKey')"),
                dict(zip(COLUMNS, row, strict=True)),
            )


def params(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["params", *arguments])


def imported(*arguments: str, table: str = "dbo.ParamFormRecogniser") -> Result:
    return params("import", "--from-table", table, *arguments)


def test_their_rows_are_rows_of_ours(theirs: Engine) -> None:
    done = imported()
    assert done.exit_code == 0, done.output
    assert "5 added" in done.output
    assert "columns not taken: storagesas" in done.output
    assert "sig=" not in done.output
    query = (
        "SELECT form_type, form_batch_group_id, engine, model_id, training_blob_root_folder, "
        "scoring_input_blob_folder, scoring_output_blob_folder, file_type FROM form_type ORDER BY form_type"
    )
    with theirs.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
        secrets = connection.execute(text("SELECT DISTINCT key_secret FROM form_type")).scalars().all()
    assert found == [
        ("claims_2020", None, "local", None, "Claims 2020/", "claims/in/", "claims/out/", None),
        ("old_purchase_orders", "orders", "local", None, "orders/train/", "orders/", None, "application/pdf"),
        ("orders_2", None, "local", None, "other/train/", "other/in/", "other/out/", "image/jpeg"),
        ("purchase_orders", "orders", "local", None, "orders/train/", "orders/in/", None, "application/pdf"),
        ("w_9_rev_2018", None, "local", None, "w9/train/", "w9/in/", "w9/out/", "image/tiff"),
    ]
    assert secrets == ["CognitiveServiceSubscriptionKey"]
    assert params("validate").output.startswith("5 rows without fault")


def test_importing_again_changes_nothing(theirs: Engine) -> None:
    imported()
    with theirs.begin() as connection:
        connection.execute(text("UPDATE form_type SET priority = 7"))
    again = imported()
    assert (again.exit_code, "0 added" in again.output) == (0, True)
    assert again.output.count("is there already: kept") == len(ROWS)
    with theirs.connect() as connection:
        assert connection.execute(text("SELECT DISTINCT priority FROM form_type")).scalars().all() == [7]


def test_a_dry_run_only_tells(theirs: Engine) -> None:
    assert "5" in imported("--dry-run").output
    with theirs.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM form_type")) == 0


def test_rows_of_a_service_keep_their_models_and_ask_for_new_ones(theirs: Engine) -> None:
    with theirs.begin() as connection:
        name = 'dbo."ParamFormRecogniser"' if theirs.dialect.name == "postgresql" else "ParamFormRecogniser"
        connection.execute(
            text(f'UPDATE {name} SET "Model_Id" = 4711 WHERE "Form_Batch_Group_Id" = \'orders\'')
        )
    done = imported("--engine", "form-recognizer", "--api-version", "v2.1")
    assert done.exit_code == 0, done.output
    shown = {
        key: json.loads(params("show", key, "--output", "json").stdout)
        for key in ("purchase_orders", "old_purchase_orders", "w_9_rev_2018")
    }
    assert [row["model_id"] for row in shown.values()] == ["4711", "4711", "-1"]
    assert {(row["engine"], row["api_version"]) for row in shown.values()} == {("form-recognizer", "v2.1")}


def test_a_row_at_fault_is_told_and_the_others_are_taken(theirs: Engine) -> None:
    with theirs.begin() as connection:
        name = 'dbo."ParamFormRecogniser"' if theirs.dialect.name == "postgresql" else "ParamFormRecogniser"
        connection.execute(
            text(
                f"UPDATE {name} SET \"Training_Container_Name\" = 'train' || '{SAS}' WHERE \"File_Type\" = ''"
            )
        )
    done = imported()
    assert done.exit_code == 1
    assert "training_container_name" in done.output
    assert "c2VjcmV0" not in done.output
    assert "4 added" in done.output


@pytest.mark.parametrize("table", ["dbo.ParamFormRecognizer", "dbo.[paramformrecognisers]"])
def test_a_table_that_is_not_there_is_told_with_the_nearest(theirs: Engine, table: str) -> None:
    error = imported(table=table).exception
    assert isinstance(error, FormpipeError)
    assert (error.reason, "did you mean 'paramformrecogniser'?" in str(error)) == ("table-missing", True)


@pytest.mark.parametrize("table", ["DBO.paramformrecogniser", "[dbo].[ParamFormRecogniser]"])
def test_a_table_is_named_as_sql_server_would(theirs: Engine, table: str) -> None:
    assert "5 added" in imported(table=table).output


def test_a_schema_that_is_not_there_is_told(theirs: Engine) -> None:
    if theirs.dialect.name == "sqlite":
        pytest.skip("SQLite has no schemas")
    error = imported(table="dbi.ParamFormRecogniser").exception
    assert "there is no schema 'dbi': did you mean 'dbo'?" in str(error)
