"""Alembic's entry: runs the versions on the connection that `pipeline.db.schema` hands over."""

from __future__ import annotations

from alembic import context

from pipeline.db.tables import metadata

_OPTIONS: dict[str, dict[str, object]] = {
    "mssql": {"deprecate_large_types": True},
    "postgresql": {"paramstyle": "named"},  # else every % is doubled, as psycopg wants it
}

connection = context.config.attributes.get("connection")
if connection is None:
    dialect = context.config.get_main_option("dialect")
    context.configure(
        dialect_name=dialect,
        dialect_opts=_OPTIONS.get(dialect or "", {}),
        target_metadata=metadata,
        literal_binds=True,
    )
else:
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=False)
with context.begin_transaction():
    context.run_migrations()
