"""`formpipe db` as a DBA uses it, on an empty database of each dialect."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, text
from typer.testing import CliRunner, Result

from pipeline.cli.main import app
from pipeline.db import schema
from pipeline.db.connection import open_database
from pipeline.db.tables import metadata
from pipeline.errors import FormpipeError


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Engine]:
    """A database with nothing in it, which the commands work on."""
    server = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    url = server.create(with_schema=False) if server else f"sqlite:///{tmp_path / 'formpipe.db'}"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORMPIPE_DATABASE_URL", url)
    engine = open_database(url)
    yield engine
    engine.dispose()
    if server:
        server.drop(url)


def db(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["db", *arguments], input=stdin)


def refused(*arguments: str) -> FormpipeError:
    error = db(*arguments).exception
    assert isinstance(error, FormpipeError), error
    return error


def execute(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_a_database_is_made_looked_at_undone_and_made_again(empty: Engine) -> None:
    before = db("status")
    assert before.exit_code == 1
    assert before.stdout.startswith(f"{empty.dialect.name}: ")
    assert "schema missing; this program needs " in before.stdout
    assert before.stdout.count("pending ") == len(schema.revisions())

    made = db("upgrade")
    assert made.exit_code == 0
    assert "0001  The first schema\n" in made.stdout
    assert made.stdout.endswith(f"schema {schema.head_revision()} (was missing)\n")
    assert db("upgrade").stdout.endswith(f"\nschema {schema.head_revision()}: current\n")
    assert db("upgrade").stdout.startswith(f"{empty.dialect.name}: ")
    assert (db("status").exit_code, "pending" in db("status").stdout) == (0, False)

    assert db("downgrade", "0002", "--yes").stdout == "schema 0002\n"
    stands = db("status", "--output", "json")
    assert stands.exit_code == 1
    found = json.loads(stands.stdout)
    assert (found["revision"], found["needed"]) == ("0002", schema.head_revision())
    assert found["pending"][0] == {
        "name": "0003",
        "title": "Table cells, deliveries to further sinks, documents that were forgotten",
    }
    assert db("downgrade", "-1", "--yes").stdout == "schema 0001\n"
    assert db("upgrade").exit_code == 0
    schema.require_current(empty)


def test_undoing_is_asked_for(empty: Engine) -> None:
    db("upgrade")
    asked = db("downgrade", "base", stdin="n\n")
    assert asked.exit_code == 1
    assert "Undo the schema down to base, with the data in it?" in asked.stdout
    assert schema.current_revision(empty) == schema.head_revision()
    assert db("downgrade", "base", stdin="y\n").stdout.endswith("schema missing\n")


def test_a_revision_nobody_knows(empty: Engine) -> None:
    db("upgrade")
    for arguments in (("downgrade", "0815", "--yes"), ("sql", "--from", "0815")):
        error = refused(*arguments)
        assert (error.reason, "0815" in str(error)) == ("revision-unknown", True)


def test_a_database_newer_than_the_program(empty: Engine) -> None:
    db("upgrade")
    execute(empty, "UPDATE alembic_version SET version_num = '9876'")
    for command in (("upgrade",), ("status",), ("downgrade", "0001", "--yes")):
        error = refused(*command)
        assert error.reason == "schema-newer"
        assert "newer than this program" in str(error)


@pytest.mark.parametrize("theirs", [("ae1027a6acf0",), ("ae1027a6acf0", "1975ea83b712"), ("0001a",)])
def test_a_database_with_the_history_of_another_program(empty: Engine, theirs: tuple[str, ...]) -> None:
    execute(
        empty,
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
        *(f"INSERT INTO alembic_version VALUES ('{revision}')" for revision in theirs),
    )
    for command in ("upgrade", "status"):
        error = refused(command)
        assert error.reason == "schema-foreign"
        assert "belongs to another program" in str(error)


def test_tables_of_others_stay_beside_ours(empty: Engine) -> None:
    execute(empty, "CREATE TABLE customers (id INTEGER)", "INSERT INTO customers VALUES (7)")
    assert db("upgrade").exit_code == 0
    assert db("downgrade", "base", "--yes").exit_code == 0
    with empty.connect() as connection:
        assert connection.scalar(text("SELECT id FROM customers")) == 7


def test_tables_of_others_by_our_names_are_left_alone(empty: Engine) -> None:
    execute(empty, "CREATE TABLE document (id INTEGER)", "CREATE TABLE run (id INTEGER)")
    error = refused("upgrade")
    assert error.reason == "schema-foreign"
    assert "not ours: document, run." in str(error)
    assert set(inspect(empty).get_table_names()) == {"document", "run"}


def test_rows_to_mend_are_named_and_nothing_is_changed(empty: Engine) -> None:
    schema.upgrade(empty, "0003")
    execute(
        empty,
        "INSERT INTO form_type (form_type, training_container_name, scoring_container_name, max_attempts) "
        "VALUES ('w9', 'forms', 'forms', 101)",
    )
    error = refused("upgrade")
    assert error.reason == "rows-to-mend"
    assert "form_type 'w9': max_attempts must be from 1 to 100" in str(error)
    assert schema.current_revision(empty) == "0003"


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "mssql"])
@pytest.mark.parametrize("start", [None, "0001", "0002", "0003"])
def test_the_sql_of_a_way_is_printed_without_a_database(
    dialect: str, start: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORMPIPE_DATABASE_URL", f"sqlite:///{tmp_path / 'none.db'}")
    found = db("sql", "--dialect", dialect, *(("--from", start) if start else ()))
    assert found.exit_code == 0
    steps = [line for line in found.stdout.splitlines() if line.startswith("-- Running upgrade")]
    assert len(steps) == len(schema.pending(start))
    assert ("CREATE TABLE alembic_version" in found.stdout) == (start is None)
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize(
    ("url", "dialect"), [("sqlite:///none.db", "sqlite"), ("postgresql://me@host/db", "postgresql")]
)
def test_sql_is_printed_for_the_database_of_the_settings_where_no_dialect_is_named(
    url: str, dialect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORMPIPE_DATABASE_URL", url)
    assert db("sql").stdout == db("sql", "--dialect", dialect).stdout


def test_sql_is_not_printed_for_a_database_that_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORMPIPE_DATABASE_URL", "mysql://me@host/db")
    found = db("sql")
    assert found.exit_code == 2 and "database_url names mysql" in found.stderr


def test_the_printed_way_ends_where_the_upgrade_does(empty: Engine) -> None:
    schema.upgrade(empty, "0002")
    execute(
        empty,
        "INSERT INTO form_type (form_type, training_container_name, scoring_container_name) "
        "VALUES ('w9', 'forms', 'forms')",
        "INSERT INTO form_field (form_type, field) VALUES ('w9', 'ssn')",
    )
    printed = db("sql", "--dialect", empty.dialect.name, "--from", "0002").stdout
    raw = empty.raw_connection()
    if empty.dialect.name == "sqlite":
        raw.executescript(printed)
    else:
        raw.driver_connection.autocommit = True  # type: ignore[union-attr]
        raw.cursor().execute(printed)
    raw.close()
    schema.require_current(empty)
    assert set(metadata.tables) <= set(inspect(empty).get_table_names())
    with empty.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM form_field")) == 1


@pytest.mark.parametrize("command", ["upgrade", "downgrade", "status", "sql"])
def test_help_has_an_example(command: str) -> None:
    assert "Example" in db(command, "--help").stdout
    assert f"formpipe db {command}" in " ".join(db(command, "--help").stdout.split())
