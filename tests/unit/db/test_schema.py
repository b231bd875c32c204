"""The migrated database is the one the tables describe, and refuses wrong rows by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.dialects import mssql
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.schema import CreateTable

from pipeline.db import schema, sql_files, tables, views
from pipeline.db.connection import open_database
from pipeline.db.tables import metadata
from pipeline.errors import RunError
from pipeline.params import table
from pipeline.services import load_services
from tests.databases.postgresql import Postgresql

SQL = Path(__file__).parents[3] / "sql"


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


def test_the_migrations_end_in_the_tables_on_postgresql(postgresql: Postgresql) -> None:
    with opened(postgresql.create()) as migrated, opened(postgresql.create(with_schema=False)) as described:
        metadata.create_all(described)
        assert shape(migrated) == shape(described)
        with migrated.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_rules_of_sql_server_are_those_of_the_tables() -> None:
    """There is no server to ask, so the checks are read out of both texts."""
    dialect = mssql.dialect()
    described = {
        line
        for table in (tables.form_type, tables.form_field)
        for line in checks_in(str(CreateTable(table).compile(dialect=dialect)))
    }
    rendered = schema.render_sql("mssql")
    dropped = set(re.findall(r"DROP CONSTRAINT (\w+);", rendered))
    created, added = rendered.split("-- Running upgrade 0003 -> 0004")
    before = {line for line in checks_in(created) if line[0] not in dropped}
    of_parameters = ("ck_form_type_", "ck_form_field_")
    made = {line for line in before | checks_in(added) if line[0].startswith(of_parameters)}
    assert made == described


def checks_in(ddl: str) -> set[tuple[str, str]]:
    """Name and rule of each check."""
    found = re.findall(r"CONSTRAINT (ck_\w+) CHECK \((.*)\)(?:,\s*|;|\s*)$", ddl, re.MULTILINE)
    return {(name, rule) for name, rule in found}


def test_every_engine_of_the_services_and_its_versions_may_stand_in_a_row(database: Engine) -> None:
    for engine, service in load_services().items():
        assert engine in tables.ENGINES
        for number, version in enumerate(service.versions or [None]):
            key = f"{engine.replace('-', '_')}_{number}"
            insert(database, **(MINIMAL | {"form_type": key, "engine": engine, "api_version": version}))


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


@pytest.mark.parametrize("dialect", sql_files.DIALECTS)
def test_the_rendered_files_are_those_that_are_kept(dialect: str) -> None:
    for name, rendered in sql_files.rendered_files(dialect).items():
        kept = (SQL / dialect / name).read_text(encoding="utf-8")
        assert kept == rendered, f"sql/{dialect}/{name} is not what the code says: run `make sql`"


def test_files_are_written_by_their_dialect(tmp_path: Path) -> None:
    for dialect in sql_files.DIALECTS:
        (tmp_path / dialect).mkdir()
    sql_files.write(tmp_path)
    written = {path.relative_to(tmp_path) for path in tmp_path.rglob("*.sql")}
    assert written == {Path(d, name) for d in sql_files.DIALECTS for name in sql_files.rendered_files(d)}
    for path in written:
        assert (tmp_path / path).read_bytes() == (SQL / path).read_bytes()


def test_the_rendered_schema_makes_the_same_database(database: Engine, tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'rendered.db'}")
    connection = engine.raw_connection()
    connection.executescript((SQL / "sqlite" / "schema.sql").read_text(encoding="utf-8"))  # type: ignore[attr-defined]
    connection.commit()
    connection.close()
    assert shape(engine) == shape(database)
    schema.require_current(engine)
    engine.dispose()


def test_the_rendered_schema_makes_the_same_database_on_postgresql(postgresql: Postgresql) -> None:
    with opened(postgresql.create()) as migrated, opened(postgresql.create(with_schema=False)) as rendered:
        run_file(rendered, "schema.sql")
        assert shape(rendered) == shape(migrated)
        schema.require_current(rendered)


def test_the_sample_rows_run(each_database: Engine) -> None:
    run_file(each_database, "sample_form_types.sql")
    with each_database.connect() as live:
        found = table.load(live, load_services(), date(2026, 11, 21))
    assert not found.faults
    assert [each.group for each in found.form_types] == ["sample_invoice", "sample_order", "sample_order"]
    assert found.form_types[1].fields[0].column == "order_date"


def test_a_typed_view_that_a_dba_made_is_the_programs_own(each_database: Engine) -> None:
    run_file(each_database, "sample_form_types.sql")
    run_file(each_database, "typed_view.sql")
    run_file(each_database, "typed_view.sql")
    with each_database.begin() as connection:
        view = views.view_name(sql_files.SAMPLE_FORM_TYPE, each_database.dialect.name)
        assert connection.execute(text(f"SELECT order_date, total, signed FROM {view}")).all() == []
        statements: list[str] = []
        event.listen(connection, "before_cursor_execute", lambda *told: statements.append(told[2]))
        done = views.refresh(connection, sql_files.SAMPLE_FORM_TYPE, sql_files.SAMPLE_FIELDS)
    assert not [each for each in statements if each.lstrip().startswith(("CREATE", "DROP", "COMMENT"))]
    assert statements
    assert (done.documents.created, done.documents.plan.added) == (False, ())


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    engine = open_database(url)
    try:
        yield engine
    finally:
        engine.dispose()


def run_file(engine: Engine, name: str) -> None:
    """Run a file of `sql/` as the dialect's own tool does: as it is, statement after statement."""
    script = (SQL / engine.dialect.name / name).read_text(encoding="utf-8")
    connection = engine.raw_connection()
    try:
        if engine.dialect.name == "sqlite":
            connection.executescript(script)
        else:
            for batch in re.split(r"^GO$", script, flags=re.MULTILINE):
                if batch.strip():
                    connection.cursor().execute(batch)
        connection.commit()
    finally:
        connection.close()


# --- plain INSERTs ------------------------------------------------------------------------------------

MINIMAL: dict[str, object] = {
    "form_type": "w9",
    "training_container_name": "forms",
    "scoring_container_name": "forms",
}


def insert(database: Engine, table_name: str = "form_type", /, **cells: object) -> None:
    names, values = ", ".join(cells), ", ".join(f":{name}" for name in cells)
    with database.begin() as connection:
        connection.execute(text(f"INSERT INTO {table_name} ({names}) VALUES ({values})"), cells)


def test_three_columns_are_enough(each_database: Engine) -> None:
    insert(each_database, **MINIMAL)
    with each_database.connect() as connection:
        row = connection.execute(text("SELECT engine, model_kind, parallelism, enabled FROM form_type")).one()
    assert tuple(row) == ("local", "form", 15, 1)


WRONG: list[tuple[str, object]] = [
    *(("form_type", key) for key in ("", "W9", "9w", "a b", "a-b", "a__b", "a" * 41, "a;b", "ä", None)),
    ("form_batch_group_id", ""),
    ("form_batch_group_id", "  "),
    ("form_batch_group_id", "g" * 41),
    ("engine", "lokal"),
    ("api_version", "v2.1"),
    ("model_kind", "forms"),
    ("routes", True),
    ("routes", "maybe"),
    ("retrain", "sometimes"),
    ("split", "pages"),
    ("schema_contract", "x"),
    ("enabled", "yes?"),
    ("enabled", None),
    ("priority", -1),
    ("priority", 10_001),
    ("priority", "high"),
    ("min_confidence", 1.01),
    ("min_confidence", -0.01),
    ("min_confidence", "sure"),
    ("parallelism", 0),
    ("parallelism", 1_001),
    ("max_pages", 0),
    ("max_pages", "all"),
    ("max_pages_per_run", 0),
    ("max_cost_per_run", "-1"),
    ("max_cost_per_run", "-0.0000000001"),
    ("max_cost_per_run", "dear"),
    ("max_cost_per_run", "1.2.3"),
    ("max_cost_per_run", "NaN"),
    ("max_cost_per_run", ""),
    ("max_train_runs", -1),
    ("max_attempts", 0),
    ("max_attempts", 101),
    ("keep_versions", 0),
    ("keep_versions", 1_001),
    *(("training_container_name", name) for name in ("", "ab", "    ", "c" * 64, None)),
    *(("scoring_container_name", name) for name in ("", "ab", "    ", "c" * 64, None)),
    ("sinks", ""),
    ("sinks", "  "),
    ("sinks", None),
    ("key_secret", "k" * 128),
    ("target_table", "t" * 129),
]


NAN = ("min_confidence", float("nan"))
"""SQLite keeps it as NULL."""

WRONG_PAIRS = [
    ("form-recognizer", None),
    ("form-recognizer", ""),
    ("form-recognizer", "v3.0"),
    ("form-recognizer", "2024-11-30"),
    ("document-intelligence", "v2.1"),
    ("document-intelligence", None),
    ("language", "2024-11-30"),
]


def refuses(database: Engine, table_name: str, cells: dict[str, object]) -> bool:
    try:
        insert(database, table_name, **cells)
    except (IntegrityError, DataError):
        return True
    return False


def test_a_wrong_insert_is_refused_by_the_database(each_database: Engine) -> None:
    cells = WRONG if each_database.dialect.name == "sqlite" else [*WRONG, NAN]
    wrong: list[dict[str, object]] = [
        *({column: cell} for column, cell in cells),
        *({"engine": engine, "api_version": version} for engine, version in WRONG_PAIRS),
    ]
    assert [each for each in wrong if not refuses(each_database, "form_type", MINIMAL | each)] == []
    insert(each_database, **MINIMAL)


FITS: list[dict[str, object]] = [
    {"form_batch_group_id": "g" * 40},
    {"engine": "form-recognizer", "api_version": "v2.0-preview"},
    {"engine": "local", "api_version": ""},
    {"model_kind": "classes", "routes": True, "engine": "document-intelligence", "api_version": "2024-11-30"},
    {"priority": 0, "parallelism": 1, "max_attempts": 1, "keep_versions": 1},
    {"priority": 10_000, "parallelism": 1_000, "max_attempts": 100, "keep_versions": 1_000},
    {"training_container_name": "abc", "scoring_container_name": "c" * 63},
    {"max_cost_per_run": "0"},
    {"max_cost_per_run": ".5"},
    {"max_cost_per_run": "123456789012.0123456789"},
    {"min_confidence": 0, "max_train_runs": 0, "max_pages": 1, "max_pages_per_run": 2**31 - 1},
    {"sinks": "sql,cosmos", "target_table": "dbo.t", "training_blob_root_folder": "a" * 1024},
]


def test_what_just_fits_is_taken(each_database: Engine) -> None:
    for number, cells in enumerate(FITS):
        insert(each_database, **(MINIMAL | {"form_type": f"row_{number}"} | cells))


def test_a_key_stands_once(each_database: Engine) -> None:
    insert(each_database, **MINIMAL)
    with pytest.raises(IntegrityError):
        insert(each_database, **MINIMAL)


WRONG_FIELDS: list[dict[str, object]] = [
    {"type": "text"},
    {"format": "us"},
    {"format": ""},
    {"required": "sometimes"},
    {"min_confidence": 2},
    {"form_type": "nobody"},
    {"field": None},
    {"field": ""},
    {"field": "   "},
    {"field": "f" * 201},
    {"target_column": "c" * 129},
]


def test_a_wrong_field_is_refused_by_the_database(each_database: Engine) -> None:
    insert(each_database, **MINIMAL)
    whole = {"form_type": "w9", "field": "ssn"}
    assert [each for each in WRONG_FIELDS if not refuses(each_database, "form_field", whole | each)] == []


def test_every_format_of_a_field_is_taken(each_database: Engine) -> None:
    insert(each_database, **MINIMAL)
    for known in tables.FIELD_FORMATS:
        insert(each_database, "form_field", form_type="w9", field=known, format=known)


def test_only_one_model_of_a_group_is_active(each_database: Engine) -> None:
    cells = {"form_batch_group_id": "w9", "engine": "local", "model_kind": "form", "fingerprint": "f"}
    made = {"created_at": "2026-11-21 00:00:00"}
    insert(each_database, "model_version", **cells, **made, version=1, state="active")
    insert(each_database, "model_version", **cells, **made, version=2, state="retired")
    with pytest.raises(IntegrityError):
        insert(each_database, "model_version", **cells, **made, version=3, state="active")


@pytest.mark.parametrize(("stage", "outcome"), [("done", None), ("pending", "loaded"), ("done", "lost")])
def test_stage_and_outcome_of_a_document_go_together(
    each_database: Engine, stage: str, outcome: str | None
) -> None:
    insert(each_database, **MINIMAL)
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
            each_database,
            "document",
            **place,
            stage=stage,
            outcome=outcome,
            first_seen_at="2026-11-21 00:00:00",
        )
