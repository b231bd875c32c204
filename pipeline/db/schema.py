"""Bring a database to the newest schema and say where it stands (Alembic)."""

from __future__ import annotations

import io
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from pipeline.db.connection import reading
from pipeline.errors import RunError

_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Apply every migration up to `revision`. Does nothing on a database that is there already."""
    file = sqlite_file(engine)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    with engine.begin() as connection:
        command.upgrade(_config(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Undo migrations down to `revision` (`-1`: one step, `base`: everything)."""
    with engine.begin() as connection:
        command.downgrade(_config(connection), revision)


def current_revision(engine: Engine) -> str | None:
    """The revision the database is at, None when it has no schema of ours. Makes no file."""
    file = sqlite_file(engine)
    if file is not None and not file.exists():
        return None
    with reading(engine) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head_revision() -> str:
    """The newest revision this program knows."""
    head = ScriptDirectory(str(_MIGRATIONS)).get_current_head()
    assert head is not None
    return head


def sqlite_file(engine: Engine) -> Path | None:
    """The file of a SQLite database, None for any other."""
    database = engine.url.database
    on_disk = engine.dialect.name == "sqlite" and database not in (None, "", ":memory:")
    return Path(str(database)) if on_disk else None


def require_current(engine: Engine) -> None:
    """Raise RunError unless the database has the schema this program was written for."""
    found = current_revision(engine)
    if found != head_revision():
        raise RunError(
            f"the database schema is {found or 'missing'}, this program needs {head_revision()}: "
            "run `formpipe db upgrade` (a new folder: `formpipe init`)",
            reason="database-schema",
        )


def render_sql(dialect: str) -> str:
    """The whole schema as SQL for a DBA, without connecting. `dialect`: sqlite, postgresql, mssql."""
    out = io.StringIO()
    config = _config(None)
    config.set_main_option("dialect", dialect)
    config.output_buffer = out
    command.upgrade(config, "head", sql=True)
    return out.getvalue()


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    if connection is not None:
        config.attributes["connection"] = connection
    return config
