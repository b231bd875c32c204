"""The migrated database is the one the tables describe, and refuses wrong rows by itself."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect, text
from sqlalchemy.exc import IntegrityError

from pipeline.db import schema
from pipeline.db.connection import open_database
from pipeline.db.tables import metadata
from pipeline.errors import RunError
from pipeline.params import table
from pipeline.services import load_services

SQL = Path(__file__).parents[3] / "sql"
DIALECTS = ("sqlite", "postgresql", "mssql")


def shape(engine: Engine) -> dict[str, dict[str, Any]]:
    """Tables with all that the database itself knows of them, in no order."""
    found = inspect(engine)
    return {
        name: {
            "columns": {
                c["name"]: (str(c["type"]), c["nullable"], c["default"]) for c in found.get_columns(name)
            },
            "key": found.get_pk_constraint(name)["constrained_columns"],
            "checks": {c["name"]: c["sqltext"] for c in found.get_check_constraints(name)},
            "unique": {c["name"]: tuple(c["column_names"]) for c in found.get_unique_constraints(name)},
            "foreign": sorted(
                (tuple(f["constrained_columns"]), f["referred_table"], str(f["options"]))
                for f in found.get_foreign_keys(name)
            ),
            "indexes": {
                i["name"]: (tuple(map(str, i["column_names"])), i["unique"]) for i in found.get_indexes(name)
            },
        }
        for name in found.get_table_names()
        if name != "alembic_version"
    }


def test_the_migrations_end_in_the_tables(database: Engine) -> None:
    described = create_engine("sqlite://")
    metadata.create_all(described)
    assert shape(database) == shape(described)
    with database.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_upgrading_twice_changes_nothing(database: Engine) -> None:
    before = shape(database)
    schema.upgrade(database)
    assert shape(database) == before
    assert schema.current_revision(database) == schema.head_revision()


def test_downgrading_leaves_nothing_and_can_be_undone(database: Engine) -> None:
    before = shape(database)
    schema.downgrade(database, "base")
    assert shape(database) == {}
    schema.upgrade(database)
    assert shape(database) == before


def test_a_database_without_the_schema_is_refused(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(RunError, match="formpipe db upgrade"):
        schema.require_current(engine)
    engine.dispose()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_rendered_schema_is_that_of_the_migrations(dialect: str) -> None:
    rendered = schema.render_sql(dialect)
    kept = (SQL / dialect / "schema.sql").read_text(encoding="utf-8")
    assert kept == rendered, f"write sql/{dialect}/schema.sql again from render_sql({dialect!r})"


def test_the_rendered_schema_makes_the_same_database(database: Engine, tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'rendered.db'}")
    connection = engine.raw_connection()
    connection.executescript((SQL / "sqlite" / "schema.sql").read_text(encoding="utf-8"))  # type: ignore[attr-defined]
    connection.commit()
    connection.close()
    assert shape(engine) == shape(database)
    schema.require_current(engine)
    engine.dispose()


def test_the_sample_rows_run(database: Engine) -> None:
    connection = database.raw_connection()
    connection.executescript((SQL / "sqlite" / "sample_form_types.sql").read_text(encoding="utf-8"))  # type: ignore[attr-defined]
    connection.commit()
    connection.close()
    with database.connect() as live:
        found = table.load(live, load_services(), date(2026, 11, 21))
    assert not found.faults
    assert [each.group for each in found.form_types] == ["sample_invoice", "sample_order", "sample_order"]
    assert found.form_types[1].fields[0].column == "order_date"


# --- plain INSERTs ------------------------------------------------------------------------------------

MINIMAL = {"form_type": "w9", "training_container_name": "forms", "scoring_container_name": "forms"}


def insert(database: Engine, table_name: str = "form_type", **cells: object) -> None:
    names, values = ", ".join(cells), ", ".join(f":{name}" for name in cells)
    with database.begin() as connection:
        connection.execute(text(f"INSERT INTO {table_name} ({names}) VALUES ({values})"), cells)


def test_three_columns_are_enough(database: Engine) -> None:
    insert(database, **MINIMAL)
    with database.connect() as connection:
        row = connection.execute(text("SELECT engine, model_kind, parallelism, enabled FROM form_type")).one()
    assert tuple(row) == ("local", "form", 15, 1)


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        *(("form_type", key) for key in ("", "W9", "9w", "a b", "a-b", "a__b", "a" * 41, "a;b", "ä", None)),
        ("engine", "lokal"),
        ("model_kind", "forms"),
        ("retrain", "sometimes"),
        ("split", "pages"),
        ("schema_contract", "x"),
        ("min_confidence", 1.01),
        ("min_confidence", -0.01),
        ("parallelism", 0),
        ("max_pages", 0),
        ("max_pages_per_run", 0),
        ("max_cost_per_run", "-1"),
        ("max_train_runs", -1),
        ("max_attempts", 0),
        ("keep_versions", 0),
        ("training_container_name", None),
        ("scoring_container_name", None),
        ("sinks", None),
    ],
)
def test_a_wrong_insert_is_refused_by_the_database(database: Engine, column: str, cell: object) -> None:
    with pytest.raises(IntegrityError):
        insert(database, **(MINIMAL | {column: cell}))


def test_a_key_stands_once(database: Engine) -> None:
    insert(database, **MINIMAL)
    with pytest.raises(IntegrityError):
        insert(database, **MINIMAL)


@pytest.mark.parametrize(
    "cells", [{"type": "text"}, {"min_confidence": 2}, {"form_type": "nobody"}, {"field": None}]
)
def test_a_wrong_field_is_refused_by_the_database(database: Engine, cells: dict[str, object]) -> None:
    insert(database, **MINIMAL)
    with pytest.raises(IntegrityError):
        insert(database, "form_field", **({"form_type": "w9", "field": "ssn"} | cells))


def test_only_one_model_of_a_group_is_active(database: Engine) -> None:
    cells = {"form_batch_group_id": "w9", "engine": "local", "model_kind": "form", "fingerprint": "f"}
    made = {"created_at": "2026-11-21 00:00:00"}
    insert(database, "model_version", **cells, **made, version=1, state="active")
    insert(database, "model_version", **cells, **made, version=2, state="retired")
    with pytest.raises(IntegrityError):
        insert(database, "model_version", **cells, **made, version=3, state="active")


@pytest.mark.parametrize(("stage", "outcome"), [("done", None), ("pending", "loaded"), ("done", "lost")])
def test_stage_and_outcome_of_a_document_go_together(
    database: Engine, stage: str, outcome: str | None
) -> None:
    insert(database, **MINIMAL)
    place = {
        "form_type": "w9",
        "container": "forms",
        "path": "a.pdf",
        "path_hash": "h",
        "etag": "1",
        "size": 1,
    }
    with pytest.raises(IntegrityError):
        insert(
            database, "document", **place, stage=stage, outcome=outcome, first_seen_at="2026-11-21 00:00:00"
        )
