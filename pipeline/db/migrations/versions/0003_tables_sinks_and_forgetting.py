"""Table cells, deliveries to further sinks, documents that were forgotten"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

from pipeline.db.columns import Key, UtcDateTime
from pipeline.db.views.names import CELLS, all_views
from pipeline.db.views.statements import drop_view

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "form_type",
        sa.Column("confidence_columns", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.create_table(
        "table_cell",
        sa.Column("part_id", Key, nullable=False),
        sa.Column("table_index", sa.Integer(), nullable=False),
        sa.Column("row_index", sa.Integer(), nullable=False),
        sa.Column("column_index", sa.Integer(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("text", sa.UnicodeText(), server_default="", nullable=False),
        sa.Column("row_span", sa.Integer(), server_default="1", nullable=False),
        sa.Column("column_span", sa.Integer(), server_default="1", nullable=False),
        sa.Column("is_header", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["part_id"], ["part.id"], name=op.f("fk_table_cell_part_id_part"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(
            "part_id", "table_index", "row_index", "column_index", name=op.f("pk_table_cell")
        ),
    )
    op.create_table(
        "delivery",
        sa.Column("document_id", Key, nullable=False),
        sa.Column("sink", sa.Unicode(length=20), nullable=False),
        sa.Column("state", sa.Unicode(length=20), server_default="pending", nullable=False),
        sa.Column("item_id", sa.Unicode(length=64), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reason", sa.Unicode(length=60), nullable=True),
        sa.Column("queued_at", UtcDateTime, nullable=False),
        sa.Column("delivered_at", UtcDateTime, nullable=True),
        sa.CheckConstraint("state IN ('pending', 'delivered', 'failed')", name=op.f("ck_delivery_state")),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["document.id"],
            name=op.f("fk_delivery_document_id_document"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("document_id", "sink", name=op.f("pk_delivery")),
    )
    op.create_index("ix_delivery_sink_state_document_id", "delivery", ["sink", "state", "document_id"])
    op.create_table(
        "forgotten",
        sa.Column("form_type", sa.Unicode(length=40), nullable=False),
        sa.Column("path_hash", sa.Unicode(length=64), nullable=False),
        sa.Column("etag", sa.Unicode(length=128), nullable=False),
        sa.Column("outcome", sa.Unicode(length=20), nullable=True),
        sa.Column("pages", sa.Integer(), nullable=True),
        sa.Column("field_values", sa.Integer(), server_default="0", nullable=False),
        sa.Column("forgotten_at", UtcDateTime, nullable=False),
        sa.ForeignKeyConstraint(
            ["form_type"],
            ["form_type.form_type"],
            name=op.f("fk_forgotten_form_type_form_type"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("form_type", "path_hash", name=op.f("pk_forgotten")),
    )


def downgrade() -> None:
    if not context.is_offline_mode():
        _drop_views_of_table_cells(op.get_bind())
    op.drop_table("forgotten")
    op.drop_index("ix_delivery_sink_state_document_id", table_name="delivery")
    op.drop_table("delivery")
    op.drop_table("table_cell")
    op.drop_column("form_type", "confidence_columns", mssql_drop_default=True)


def _drop_views_of_table_cells(connection: sa.Connection) -> None:
    """PostgreSQL keeps a table that a view stands on, and the others a view that can no longer be read."""
    for view in all_views(connection):
        if view.endswith(f"__{CELLS}"):
            drop_view(connection, view)
