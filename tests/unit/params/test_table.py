from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from pipeline.db import leases
from pipeline.db.tables import document, field_value, form_field, form_type, model_bundle, model_version, part
from pipeline.db.views import ViewOptions, refresh, views_of
from pipeline.errors import RowError
from pipeline.params import table
from pipeline.params.rules import Validated
from pipeline.services import load_services
from pipeline.types import FieldSpec, FormType

NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def database(each_database: Engine) -> Engine:
    """Of every dialect that can be had."""
    return each_database


def record(key: str, **cells: object) -> FormType:
    places = {"training_container": "forms", "scoring_container": "forms", "group": key}
    folders = {"training_folder": f"{key}/t/", "scoring_folder": f"{key}/b/"}
    return FormType(form_type=key, **{**places, **folders, **cells})  # type: ignore[arg-type]


def loaded(connection: Connection) -> Validated:
    return table.load(connection, load_services(), date(2026, 11, 21))


def test_what_is_saved_is_loaded(database: Engine) -> None:
    rows = (
        record("a", fields=(FieldSpec("ssn", required=True),)),
        record("b", group="a", training_folder="a/t/"),
    )
    with database.begin() as connection:
        table.save(connection, rows)
        assert loaded(connection).form_types == rows
        assert not loaded(connection).faults


def test_saving_again_replaces_row_and_fields(database: Engine) -> None:
    with database.begin() as connection:
        table.save(connection, [record("a", fields=(FieldSpec("x"), FieldSpec("y"))), record("b")])
        table.save(connection, [record("a", locale="de", fields=(FieldSpec("z"),))])
        found = loaded(connection).form_types
    assert (found[0].locale, found[0].fields) == ("de", (FieldSpec("z"),))
    assert found[1] == record("b")


def test_a_plain_insert_is_a_row(database: Engine) -> None:
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO form_type (form_type, training_container_name, training_blob_root_folder, "
                "scoring_container_name, scoring_input_blob_folder) "
                "VALUES ('a', 'forms', 'a/t', 'forms', 'a/b')"
            )
        )
        assert loaded(connection).form_types == (record("a"),)


def test_a_cell_of_a_wrong_kind_costs_only_its_row(database: Engine) -> None:
    if database.dialect.name != "sqlite":
        pytest.skip("only SQLite keeps a word in a column of numbers")
    with database.begin() as connection:
        table.save(connection, [record("a"), record("b"), record("c")])
        connection.execute(text("PRAGMA ignore_check_constraints = ON"))
        connection.execute(text("UPDATE form_type SET max_cost_per_run = 'dear' WHERE form_type = 'a'"))
        connection.execute(
            text("UPDATE form_type SET parallelism = 'many', enabled = '?' WHERE form_type = 'b'")
        )
        found = loaded(connection)
    assert [each.form_type for each in found.form_types] == ["c"]
    assert [(fault.row, fault.column) for fault in found.faults] == [
        ("a", "max_cost_per_run"),
        ("b", "enabled"),
        ("b", "parallelism"),
    ]


def test_rows_are_switched_off_and_on(database: Engine) -> None:
    with database.begin() as connection:
        table.save(connection, [record("a"), record("b")])
        assert table.disable(connection, ["a", "nobody"]) == {"a"}
        assert [each.enabled for each in loaded(connection).form_types] == [False, True]
        table.enable(connection, ["a"])
        assert [each.enabled for each in loaded(connection).form_types] == [True, True]


# --- purge ------------------------------------------------------------------------------------------


def version(connection: Connection, group: str, number: int = 1) -> int:
    values = {"form_batch_group_id": group, "version": number, "engine": "local", "model_kind": "form"}
    bundle = f"{group}-{number}"
    connection.execute(insert(model_bundle).values(sha256=bundle, content=b"x"))
    more = {"bundle_sha256": bundle, "service_model_id": bundle, "fingerprint": "f", "state": "retired"}
    done = connection.execute(insert(model_version).values(**values, **more, created_at=NOW))
    return int(done.inserted_primary_key[0])


def read_document(connection: Connection, key: str, model: int) -> None:
    cells = {"form_type": key, "container": "forms", "path": f"{key}.pdf", "path_hash": key, "etag": "1"}
    state = {"size": 1, "stage": "done", "outcome": "loaded", "first_seen_at": NOW, "model_version_id": model}
    document_id = connection.execute(insert(document).values(**cells, **state)).inserted_primary_key[0]
    pages = {"number": 1, "first_page": 1, "last_page": 1}
    part_id = connection.execute(insert(part).values(document_id=document_id, **pages)).inserted_primary_key[
        0
    ]
    connection.execute(insert(field_value).values(part_id=part_id, field="ssn", text="x"))


def counts(connection: Connection) -> dict[str, int]:
    tables = (form_type, form_field, document, part, field_value, model_version, model_bundle)
    return {
        each.name: connection.execute(select(func.count()).select_from(each)).scalar_one() for each in tables
    }


def test_a_row_on_which_documents_hang_cannot_be_deleted(database: Engine) -> None:
    with database.begin() as connection:
        table.save(connection, [record("a")])
        read_document(connection, "a", version(connection, "a"))
        with pytest.raises(IntegrityError), connection.begin_nested():
            connection.execute(form_type.delete())
        assert table.documents_of(connection, "a") == 1


def test_a_purge_removes_all_that_hangs_on_a_row_and_nothing_else(database: Engine) -> None:
    with database.begin() as connection:
        table.save(
            connection, [record("a", fields=(FieldSpec("ssn"),)), record("b", fields=(FieldSpec("ssn"),))]
        )
        for key in ("a", "b"):
            read_document(connection, key, version(connection, key))
        assert table.purge(connection, "a", NOW) == table.Purged(documents=1, model_versions=1)
        assert set(counts(connection).values()) == {1}
        assert [each.form_type for each in loaded(connection).form_types] == ["b"]


def test_models_stay_while_another_row_of_the_group_does(database: Engine) -> None:
    with database.begin() as connection:
        table.save(connection, [record("a"), record("b", group="a")])
        read_document(connection, "a", version(connection, "a"))
        assert table.purge(connection, "a", NOW).model_versions == 0
        assert table.purge(connection, "b", NOW).model_versions == 1


def test_a_model_that_read_documents_of_another_group_stays(database: Engine) -> None:
    with database.begin() as connection:
        table.save(connection, [record("a"), record("b")])
        used, unused = version(connection, "a", 1), version(connection, "a", 2)
        read_document(connection, "b", used)
        assert table.purge(connection, "a", NOW).model_versions == 1
        assert connection.execute(select(model_version.c.id)).scalars().all() == [used]
        assert unused != used


def test_own_model_ids_are_those_of_the_versions(database: Engine) -> None:
    with database.begin() as connection:
        version(connection, "a")
        assert table.own_model_ids(connection) == {"a-1"}


def test_the_views_of_a_purged_row_are_gone(database: Engine) -> None:
    with database.begin() as connection:
        table.save(connection, [record("a"), record("order")])
        for key in ("a", "order"):
            refresh(connection, key, [FieldSpec("ssn"), FieldSpec("lines/x")], ViewOptions(nested=True))
        table.purge(connection, "order", NOW)
        found = [len(views_of(connection, key)) for key in ("a", "order")]
    assert found == [2, 0]


def test_a_purged_row_leaves_nothing_in_its_target_table(database: Engine) -> None:
    with database.begin() as connection:
        table.save(connection, [record("a"), record("b")])
        own = "path, outcome, pages, model_version, scored_at, review".replace(",", " INTEGER,")
        connection.execute(text(f"CREATE TABLE marts (document_id INTEGER PRIMARY KEY, {own} INTEGER)"))
        connection.execute(text("UPDATE form_type SET target_table = 'marts'"))
        for key in ("a", "b"):
            read_document(connection, key, version(connection, key))
        connection.execute(text("INSERT INTO marts (document_id) SELECT id FROM document"))
        table.purge(connection, "a", NOW)
        left = "SELECT form_type FROM document JOIN marts ON document_id = id"
        assert connection.scalars(text(left)).all() == ["b"]
        assert connection.scalar(text("SELECT COUNT(*) FROM marts")) == 1


def test_a_row_is_not_purged_while_a_run_works_on_its_group(database: Engine) -> None:
    with database.begin() as connection:
        table.save(connection, [record("a", group="tax")])
        leases.take(connection, "group:tax", "other", now=NOW, seconds=60, over=None)
        with pytest.raises(RowError, match="a run works on group tax"):
            table.purge(connection, "a", NOW + timedelta(seconds=59))
        known = {"form_type": "a", "container": "lake", "path": "a", "path_hash": "a" * 64, "etag": "1"}
        held = {"size": 1, "stage": "claimed", "claimed_by": 7, "first_seen_at": NOW}
        connection.execute(insert(document).values(**known, **held))
        with pytest.raises(RowError, match="a run works on 1 documents of a"):
            table.purge(connection, "a", NOW + timedelta(seconds=61))
        connection.execute(update(document).values(stage="pending", claimed_by=None))
        table.purge(connection, "a", NOW + timedelta(seconds=61))
        assert not table.read_rows(connection)
