"""Runs that do a part of another run, and what they may spend of its limits"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from pipeline.db.columns import Key, UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_HANDS = sa.text("parent_id IS NOT NULL")


def upgrade() -> None:
    op.add_column("run", sa.Column("parent_id", Key, nullable=True))
    op.add_column("run", sa.Column("stop_asked_at", UtcDateTime, nullable=True))
    op.create_index(
        "ix_run_parent_id",
        "run",
        ["parent_id"],
        sqlite_where=_HANDS,
        postgresql_where=_HANDS,
        mssql_where=_HANDS,
    )
    op.create_table(
        "allotment",
        sa.Column("run_id", Key, nullable=False),
        sa.Column("form_type", sa.Unicode(length=40), nullable=False),
        sa.Column("pages", Key, server_default="0", nullable=False),
        sa.Column("cost", Key, server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_allotment_run_id_run")),
        sa.PrimaryKeyConstraint("run_id", "form_type", name=op.f("pk_allotment")),
    )


def downgrade() -> None:
    op.drop_table("allotment")
    op.drop_index("ix_run_parent_id", table_name="run")
    op.drop_column("run", "stop_asked_at")
    op.drop_column("run", "parent_id")
