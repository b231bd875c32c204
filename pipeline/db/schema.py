"""Bring a database to the newest schema and say where it stands (Alembic)."""

from __future__ import annotations

import io
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, inspect
from sqlalchemy.exc import DBAPIError

from pipeline.db.connection import reading
from pipeline.db.place import locate
from pipeline.db.schema_lock import is_locked, wait_for_the_schema
from pipeline.db.tables import metadata
from pipeline.db.views import drop_all_views
from pipeline.errors import RunError

_MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class Revision:
    """One step of the schema."""

    name: str
    title: str


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Apply every migration up to `revision`, all or none. Does nothing on a database that is there already;
    waits for another process that does the same.

    Raises RunError: `rows-to-mend` where rows break a rule that is to come, `schema-newer`, `schema-foreign`
    (tables or an Alembic history of another program), `schema-locked`, `schema-change-failed`.
    """
    file = sqlite_file(engine)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    if revision == "head" and current_revision(engine) == head_revision():
        return
    with _changing(engine) as connection:
        _require_ours(connection)
        command.upgrade(_config(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Undo migrations down to `revision` (`-1`: one step, `base`: everything), all or none.

    Raises RunError as `upgrade` does, and `revision-unknown`."""
    with _changing(engine) as connection:
        _require_ours(connection)
        if revision == "base":
            drop_all_views(connection)
        command.downgrade(_config(connection), revision)


def current_revision(engine: Engine) -> str | None:
    """The revision the database is at, None when it has no schema of ours. Makes no file."""
    file = sqlite_file(engine)
    if file is not None and not file.exists():
        return None
    with reading(engine) as connection:
        return _revision(connection)


def head_revision() -> str:
    """The newest revision this program knows."""
    return revisions()[-1].name


@cache
def revisions() -> tuple[Revision, ...]:
    """Every step this program knows, oldest first."""
    steps = ScriptDirectory(str(_MIGRATIONS)).walk_revisions()
    return tuple(reversed([Revision(step.revision, step.doc) for step in steps]))


def pending(found: str | None) -> tuple[Revision, ...]:
    """What a database at this revision lacks; nothing where the program does not know the revision."""
    names = [revision.name for revision in revisions()]
    if found is None:
        return revisions()
    return revisions()[names.index(found) + 1 :] if found in names else ()


def sqlite_file(engine: Engine) -> Path | None:
    """The file of a SQLite database, None for any other."""
    database = engine.url.database
    on_disk = engine.dialect.name == "sqlite" and database not in (None, "", ":memory:")
    return Path(str(database)) if on_disk else None


def require_current(engine: Engine) -> None:
    """Raise RunError unless the database has the schema this program was written for."""
    found = current_revision(engine)
    if found == head_revision():
        return
    require_known(found)
    new_folder = " (a new folder: `formpipe init`)" if engine.dialect.name == "sqlite" else ""
    raise RunError(
        f"the database schema is {found or 'missing'} ({locate(engine.url)}), this program needs "
        f"{head_revision()}: run `formpipe db upgrade`{new_folder}",
        reason="database-schema",
    )


def require_known(found: str | None) -> None:
    """Raise RunError for a revision that no migration has: `schema-newer` (ours are four digits, counted
    up), or `schema-foreign`."""
    if found is None or found in {revision.name for revision in revisions()}:
        return
    if len(found) == 4 and found.isdigit() and found > head_revision():
        raise RunError(
            f"the database schema is {found}, newer than this program, which knows {head_revision()}: "
            "install the formpipe that upgraded it, or a later one",
            reason="schema-newer",
        )
    raise RunError(
        f"the table alembic_version says {found!r}, which is no revision of formpipe: it belongs to another "
        "program. Take a database of its own",
        reason="schema-foreign",
    )


def render_sql(dialect: str, start: str | None = None) -> str:
    """The way from revision `start` (from nothing) to the newest schema as SQL for a DBA, without connecting.
    `dialect`: sqlite, postgresql, mssql. Raises RunError (`revision-unknown`)."""
    if start is not None and start not in {revision.name for revision in revisions()}:
        raise _unknown(start)
    out = io.StringIO()
    config = _config(None)
    config.set_main_option("dialect", dialect)
    config.output_buffer = out
    command.upgrade(config, f"{start}:head" if start else "head", sql=True)
    return _BEFORE[dialect] + out.getvalue() + _AFTER.get(dialect, "")


# --- what may be changed ----------------------------------------------------------------------------


def _require_ours(connection: Connection) -> None:
    found = _revision(connection)
    require_known(found)
    if found is not None:
        return
    there = {name.lower() for name in inspect(connection).get_table_names()}
    in_the_way = ", ".join(sorted(there & set(metadata.tables)))
    if in_the_way:
        raise RunError(
            f"the database has tables of these names that are not ours: {in_the_way}. Take a database of its "
            "own, or (PostgreSQL, SQL Server) a user with a default schema of its own",
            reason="schema-foreign",
        )


def _unknown(revision: str) -> RunError:
    known = ", ".join(each.name for each in revisions())
    return RunError(f"there is no revision {revision!r}: known are {known}", reason="revision-unknown")


def _revision(connection: Connection) -> str | None:
    """Ours has one; a history of another program may have several."""
    return "+".join(sorted(MigrationContext.configure(connection).get_current_heads())) or None


# --- one transaction --------------------------------------------------------------------------------


@contextmanager
def _changing(engine: Engine) -> Iterator[Connection]:
    """A transaction that may change the schema, and is alone in that."""
    try:
        with engine.connect() as connection, _tables_may_be_written_anew(connection), connection.begin():
            wait_for_the_schema(connection)
            before = _orphans(connection)
            yield connection
            _require_no_more(before, _orphans(connection))
    except CommandError as error:
        raise RunError(f"the schema was left as it is: {error}", reason="revision-unknown") from None
    except DBAPIError as error:
        raise _left_as_it_is(error) from error


def _left_as_it_is(error: DBAPIError) -> RunError:
    if is_locked(error):
        return RunError(
            "the schema was left as it is: another process has held it, or a table of it, for too long. Wait "
            "for it, or end it, and run the command again",
            reason="schema-locked",
        )
    said = "".join(str(error.orig).strip().splitlines()[:1])
    return RunError(
        f"the schema was left as it is: {type(error).__name__}: {said}", reason="schema-change-failed"
    )


@contextmanager
def _tables_may_be_written_anew(connection: Connection) -> Iterator[None]:
    """SQLite drops a table to change it. With foreign keys on, that deletes every row that refers to it, and
    a view on it stops the new table from taking its name; neither can be switched off in a transaction."""
    raw = connection.connection.driver_connection
    if not isinstance(raw, sqlite3.Connection):
        yield
        return
    raw.execute("PRAGMA foreign_keys = OFF")
    raw.execute("PRAGMA legacy_alter_table = ON")
    try:
        yield
    finally:
        raw.execute("PRAGMA legacy_alter_table = OFF")
        raw.execute("PRAGMA foreign_keys = ON")


def _orphans(connection: Connection) -> Counter[tuple[str, str]]:
    """Rows that refer to a row that is not there, by their table and the other; counted on SQLite alone."""
    if connection.dialect.name != "sqlite":
        return Counter()
    found = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    return Counter((str(row[0]), str(row[2])) for row in found)


def _require_no_more(before: Counter[tuple[str, str]], after: Counter[tuple[str, str]]) -> None:
    more = after - before
    if more:
        pairs = ", ".join(f"{count} of {table} to {other}" for (table, other), count in sorted(more.items()))
        raise RunError(
            f"the schema was left as it is: rows would refer to rows that are not there ({pairs})",
            reason="schema-change-failed",
        )


_BEFORE = {
    "sqlite": "-- sqlite3 -bail formpipe.db < schema.sql\n\nPRAGMA foreign_keys = OFF;\n\n"
    "PRAGMA legacy_alter_table = ON;\n\nBEGIN IMMEDIATE;\n\n",
    "postgresql": "-- psql -v ON_ERROR_STOP=1 -f schema.sql\n\n",
    "mssql": "-- sqlcmd -b -i schema.sql\n\nSET QUOTED_IDENTIFIER ON;\n\nSET XACT_ABORT ON;\n\nGO\n\n",
}
_AFTER = {"sqlite": "COMMIT;\n\nPRAGMA legacy_alter_table = OFF;\n\nPRAGMA foreign_keys = ON;\n"}
"""Around a file that a DBA runs: all or nothing, and what the connection of `upgrade` has set otherwise."""


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    if connection is not None:
        config.attributes["connection"] = connection
    return config
