"""Documents that a router handed on, parts of a blob, and what persons said that documents are"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from pipeline.db.columns import ExactText, Key, UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_COUNTS = ("routed", "unrouted")
_ROUTED = sa.text("routed_from IS NOT NULL")


def upgrade() -> None:
    for name in _COUNTS:
        op.add_column("run_row", sa.Column(name, sa.Integer(), server_default="0", nullable=False))
    op.add_column("document", sa.Column("routed_from", Key, nullable=True))
    op.add_column("document", sa.Column("first_page", sa.Integer(), nullable=True))
    op.add_column("document", sa.Column("last_page", sa.Integer(), nullable=True))
    op.create_index(
        "ix_document_routed_from",
        "document",
        ["routed_from"],
        sqlite_where=_ROUTED,
        postgresql_where=_ROUTED,
        mssql_where=_ROUTED,
    )
    op.create_table(
        "text_label",
        sa.Column("form_type", sa.Unicode(length=40), nullable=False),
        sa.Column("path_hash", sa.Unicode(length=64), nullable=False),
        sa.Column("account", sa.Unicode(length=63), server_default="", nullable=False),
        sa.Column("container", sa.Unicode(length=63), nullable=False),
        sa.Column("path", ExactText(1024), nullable=False),
        sa.Column("first_page", sa.Integer(), nullable=True),
        sa.Column("last_page", sa.Integer(), nullable=True),
        sa.Column("etag", sa.Unicode(length=128), nullable=False),
        sa.Column("class", sa.Unicode(length=40), nullable=False),
        sa.Column("labelled_at", UtcDateTime, nullable=False),
        sa.Column("labelled_by", sa.Unicode(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["form_type"],
            ["form_type.form_type"],
            name=op.f("fk_text_label_form_type_form_type"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("form_type", "path_hash", name=op.f("pk_text_label")),
    )


def downgrade() -> None:
    op.drop_table("text_label")
    op.drop_index("ix_document_routed_from", table_name="document")
    for name in ("last_page", "first_page", "routed_from"):
        op.drop_column("document", name)
    for name in reversed(_COUNTS):
        op.drop_column("run_row", name, mssql_drop_default=True)
