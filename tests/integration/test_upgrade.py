"""A database that the oldest schema filled keeps every cell on its way to the newest, and back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, inspect, text
from sqlalchemy.exc import IntegrityError

from pipeline.db import schema
from pipeline.db.connection import open_database
from pipeline.db.schema_lock import wait_for_the_schema
from pipeline.db.tables import metadata
from pipeline.db.views import refresh_view, views_of
from pipeline.errors import RunError
from pipeline.types import FieldSpec
from tests.databases.postgresql import Postgresql

THEN = "2026-11-21 08:00:00.123456"
ROWS: dict[str, list[dict[str, Any]]] = {
    "form_type": [
        {"form_type": "w9", "training_container_name": "forms", "scoring_container_name": "forms"},
        {
            "form_type": "invoices",
            "form_description": "Rechnungen, 請求書 'and' \"more\"",
            "form_batch_group_id": "Group-1",
            "engine": "form-recognizer",
            "api_version": "v2.1",
            "allow_retired": True,
            "training_container_name": "training",
            "training_blob_root_folder": "Acme/Train/",
            "include_subfolders": True,
            "use_label_file": False,
            "scoring_container_name": "scoring",
            "scoring_input_blob_folder": "acme/in/",
            "scoring_output_blob_folder": "acme/out/",
            "model_id": "-1",
            "enabled": False,
            "priority": 7,
            "min_confidence": 0.123456789,
            "locale": "de-DE",
            "max_cost_per_run": "12345678901234567890.0123456789",
            "max_attempts": 100,
        },
    ],
    "form_field": [
        {"form_type": "invoices", "field": "Betrag (€)", "type": "number", "required": True},
        {"form_type": "invoices", "field": "select", "format": "dmy", "target_column": "order"},
    ],
    "model_bundle": [{"sha256": "b" * 64, "content": bytes(range(256))}],
    "model_version": [
        {
            "form_batch_group_id": "Group-1",
            "version": 1,
            "engine": "local",
            "model_kind": "form",
            "bundle_sha256": "b" * 64,
            "fingerprint": "f" * 64,
            "state": "active",
            "evaluation": '{"method": "hold-out"}',
            "f1": 0.9,
            "created_at": THEN,
        }
    ],
    "run": [{"started_at": THEN, "state": "running", "holder": "host:1"}],
    "run_row": [{"run_id": 1, "form_type": "invoices", "state": "finished", "pages": 3, "seconds": 1.5}],
    "event": [
        {"run_id": 1, "at": THEN, "name": "scored", "form_type": "invoices", "document_id": 1},
        {"at": THEN, "name": "started", "document_id": 99},
    ],
    "lease": [
        {"name": "group:w9", "holder": "a", "heartbeat_at": THEN, "expires_at": THEN, "fencing": 2**31 - 1}
    ],
    "document": [
        {
            "form_type": "invoices",
            "container": "scoring",
            "path": path,
            "path_hash": path_hash,
            "etag": '"0x1"',
            "size": 2**40,
            "stage": "done",
            "outcome": "loaded",
            "model_version_id": 1,
            "run_id": 1,
            "first_seen_at": THEN,
            "finished_at": THEN,
        }
        for path, path_hash in (("acme/in/A.pdf", "1" * 64), ("acme/in/a.pdf", "2" * 64))
    ],
    "part": [{"document_id": 1, "number": 1, "first_page": 1, "last_page": 2}],
    "field_value": [
        {"part_id": 1, "field": "Betrag (€)", "text": "1.234,50", "value_number": "1234.5000000001"},
        {"part_id": 1, "field": "Betrag (€)", "source": "person", "text": "", "review": True},
        {"part_id": 1, "field": "long", "text": "ä" * 8000, "value_date": "0001-01-01"},
        {"part_id": 1, "field": "time", "occurrence": 3, "value_time": "23:59:59", "confidence": 0.1},
    ],
}


@pytest.fixture(params=["sqlite", "postgresql"])
def oldest(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database at the first revision, with rows in each of its tables."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'formpipe.db'}"
    else:
        url = request.getfixturevalue("postgresql").create(with_schema=False)
    engine = open_database(url)
    schema.upgrade(engine, "0001")
    for table, rows in ROWS.items():
        for row in rows:
            insert(engine, table, row)
    yield engine
    engine.dispose()
    if request.param == "postgresql":
        request.getfixturevalue("postgresql").drop(url)


def insert(engine: Engine, table: str, row: dict[str, Any]) -> None:
    names, values = ", ".join(row), ", ".join(f":{name}" for name in row)
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)


def columns(engine: Engine) -> dict[str, list[str]]:
    found = inspect(engine)
    tables = [name for name in found.get_table_names() if name != "alembic_version"]
    return {name: [column["name"] for column in found.get_columns(name)] for name in tables}


def cells(engine: Engine, columns: dict[str, list[str]]) -> dict[str, list[tuple[Any, ...]]]:
    """Every cell of these columns, each with the type it has in the driver."""
    found = {}
    with engine.connect() as connection:
        for table, names in columns.items():
            rows = connection.execute(text(f"SELECT {', '.join(names)} FROM {table}"))
            found[table] = sorted([tuple(row) for row in rows], key=repr)
    return found


def test_nothing_is_lost_on_the_way_to_the_newest_schema_and_back(oldest: Engine) -> None:
    first = columns(oldest)
    assert first.keys() == ROWS.keys()
    before = cells(oldest, first)
    assert {name: len(rows) for name, rows in before.items()} == {n: len(rows) for n, rows in ROWS.items()}

    schema.upgrade(oldest)
    schema.require_current(oldest)
    assert columns(oldest).keys() == set(metadata.tables)
    assert cells(oldest, first) == before

    schema.downgrade(oldest, "0001")
    assert {name: set(found) for name, found in columns(oldest).items()} == {
        name: set(found) for name, found in first.items()
    }
    assert cells(oldest, first) == before

    schema.upgrade(oldest)
    assert cells(oldest, first) == before


def test_each_step_keeps_what_is_there(oldest: Engine) -> None:
    first = columns(oldest)
    before = cells(oldest, first)
    for revision in schema.revisions():
        schema.upgrade(oldest, revision.name)
        assert schema.current_revision(oldest) == revision.name
        assert cells(oldest, first) == before
    for _ in schema.revisions()[1:]:
        schema.downgrade(oldest, "-1")
        assert cells(oldest, first) == before
    assert schema.current_revision(oldest) == "0001"


def test_keys_still_count_on_and_rules_still_hold(oldest: Engine) -> None:
    schema.upgrade(oldest)
    third = ROWS["document"][0] | {"path_hash": "3" * 64}
    insert(oldest, "document", third)
    with oldest.connect() as connection:
        assert connection.scalar(text("SELECT max(id) FROM document")) == 3
    for table, row in (
        ("form_field", {"form_type": "nobody", "field": "x"}),
        ("document", third | {"path_hash": "4" * 64, "form_type": "nobody"}),
        ("form_type", ROWS["form_type"][0]),
    ):
        with pytest.raises(IntegrityError):
            insert(oldest, table, row)
    with pytest.raises(IntegrityError), oldest.begin() as connection:
        connection.execute(text("DELETE FROM form_type WHERE form_type = 'invoices'"))


def test_views_on_tables_that_change_go_on_showing_them(oldest: Engine) -> None:
    with oldest.begin() as connection:
        connection.execute(
            text(
                "CREATE VIEW mine AS SELECT d.path, t.form_description FROM document d "
                "JOIN form_type t ON t.form_type = d.form_type"
            )
        )
    schema.upgrade(oldest)
    schema.downgrade(oldest, "0003")
    schema.upgrade(oldest)
    assert len(cells(oldest, {"mine": ["path", "form_description"]})["mine"]) == 2


def test_typed_views_do_not_keep_the_schema_from_going_back(oldest: Engine) -> None:
    schema.upgrade(oldest)
    cell = {"part_id": 1, "table_index": 0, "row_index": 0, "column_index": 0, "page": 1}
    insert(oldest, "table_cell", cell | {"text": "x"})
    fields = [FieldSpec("long"), FieldSpec("Betrag (€)", "number")]
    with oldest.begin() as connection:
        name = refresh_view(connection, "invoices", fields)
        assert len(views_of(connection, "invoices")) == 2
    shown = {name: ["path", "long", "betrag"]}
    before = cells(oldest, shown)
    assert len(before[name]) == 1
    schema.downgrade(oldest, "0001")
    assert cells(oldest, shown) == before
    schema.upgrade(oldest)
    assert cells(oldest, shown) == before
    with oldest.begin() as connection:
        assert refresh_view(connection, "invoices", fields) == name
        assert len(views_of(connection, "invoices")) == 1


# --- rows that the new schema refuses -----------------------------------------------------------------


def test_rows_that_break_a_new_rule_are_named_and_stay(oldest: Engine) -> None:
    row = {"training_container_name": "forms", "scoring_container_name": "forms"}
    insert(oldest, "form_type", row | {"form_type": "slow", "parallelism": 5000, "priority": -1})
    insert(oldest, "form_type", row | {"form_type": "odd", "engine": "local", "api_version": "v2.1"})
    insert(oldest, "form_type", row | {"form_type": "cloud", "engine": "document-intelligence"})
    insert(oldest, "form_type", row | {"form_type": "router", "routes": True})
    insert(oldest, "form_field", {"form_type": "w9", "field": "ssn", "format": "us"})
    before = cells(oldest, columns(oldest))
    with pytest.raises(RunError, match="Mend them by UPDATE") as raised:
        schema.upgrade(oldest)
    assert raised.value.reason == "rows-to-mend"
    assert str(raised.value).splitlines()[1:] == [
        "  form_type 'cloud': api_version must be a version of the row's engine, NULL for local",
        "  form_type 'odd': api_version must be a version of the row's engine, NULL for local",
        "  form_type 'slow': priority must be from 0 to 10000",
        "  form_type 'slow': parallelism must be from 1 to 1000",
        "  form_type 'router': routes must be 0, except where model_kind is classes",
        "  form_field 'w9', 'ssn': format must be a format of fields.json, not-specified where none is known",
    ]
    assert schema.current_revision(oldest) == "0001"
    assert cells(oldest, columns(oldest)) == before

    with oldest.begin() as connection:
        for mended in (
            "UPDATE form_type SET parallelism = 1000, priority = 0 WHERE form_type = 'slow'",
            "UPDATE form_type SET api_version = NULL WHERE form_type = 'odd'",
            "UPDATE form_type SET api_version = '2024-11-30' WHERE form_type = 'cloud'",
            "UPDATE form_type SET model_kind = 'classes' WHERE form_type = 'router'",
            "UPDATE form_field SET format = 'mdy' WHERE field = 'ssn'",
        ):
            connection.execute(text(mended))
    schema.upgrade(oldest)
    schema.require_current(oldest)


def test_an_empty_cell_becomes_what_it_has_meant(oldest: Engine) -> None:
    row = {"training_container_name": "forms", "scoring_container_name": "forms", "form_type": "blank"}
    insert(oldest, "form_type", row | {"form_batch_group_id": " ", "sinks": ""})
    schema.upgrade(oldest)
    with oldest.connect() as connection:
        found = connection.execute(
            text("SELECT form_batch_group_id, sinks FROM form_type WHERE form_type = 'blank'")
        ).one()
    assert tuple(found) == (None, "sql")


# --- several at once ----------------------------------------------------------------------------------

UPGRADE = """
import sys
from pipeline.db import schema
from pipeline.db.connection import open_database
engine = open_database(sys.argv[1])
sys.stdin.readline()
schema.upgrade(engine)
schema.require_current(engine)
"""


def upgrade_at_once(url: str, count: int) -> list[str]:
    """What processes say that upgrade the same database at the same moment."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", UPGRADE, url],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(count)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    return [process.communicate(timeout=120)[1] for process in started]


def test_several_upgrade_a_filled_database_at_once(oldest: Engine) -> None:
    first = columns(oldest)
    before = cells(oldest, first)
    assert upgrade_at_once(oldest.url.render_as_string(hide_password=False), 3) == ["", "", ""]
    assert cells(oldest, first) == before


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_several_upgrade_an_empty_database_at_once(
    dialect: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if dialect == "sqlite":
        assert upgrade_at_once(f"sqlite:///{tmp_path / 'new.db'}", 3) == ["", "", ""]
        return
    server = request.getfixturevalue("postgresql")
    url = server.create(with_schema=False)
    assert upgrade_at_once(url, 3) == ["", "", ""]
    server.drop(url)


def test_a_schema_that_another_holds_is_left_alone(oldest: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        schema, "wait_for_the_schema", lambda connection: wait_for_the_schema(connection, 0.2)
    )
    with oldest.connect() as holder:
        holder.begin()
        wait_for_the_schema(holder)
        impatient = hurried(oldest)
        with pytest.raises(RunError, match="Wait for it, or end it") as raised:
            schema.upgrade(impatient)
        assert raised.value.reason == "schema-locked"
        impatient.dispose()
    assert schema.current_revision(oldest) == "0001"
    schema.upgrade(oldest)


def test_a_table_that_is_read_all_the_time_is_left_alone(
    postgresql: Postgresql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        schema, "wait_for_the_schema", lambda connection: wait_for_the_schema(connection, 0.2)
    )
    url = postgresql.create(with_schema=False)
    engine = open_database(url)
    schema.upgrade(engine, "0003")
    with engine.connect() as reader:
        reader.execute(text("SELECT count(*) FROM form_type"))
        with pytest.raises(RunError) as raised:
            schema.upgrade(engine)
    assert raised.value.reason == "schema-locked"
    assert schema.current_revision(engine) == "0003"
    schema.upgrade(engine)
    engine.dispose()
    postgresql.drop(url)


def hurried(engine: Engine) -> Engine:
    """The same database, by an engine that waits for SQLite's lock no longer than a moment."""
    other = open_database(engine.url.render_as_string(hide_password=False))
    if other.dialect.name == "sqlite":
        event.listen(other, "connect", lambda raw, _record: raw.execute("PRAGMA busy_timeout = 200"))
    return other
