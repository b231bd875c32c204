"""Operations of services"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from pipeline.db.columns import ExactText, Key, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "operation",
        sa.Column("id", Key, autoincrement=True, nullable=False),
        sa.Column("kind", sa.Unicode(length=20), nullable=False),
        sa.Column("state", sa.Unicode(length=20), server_default="intended", nullable=False),
        sa.Column("form_batch_group_id", sa.Unicode(length=40), nullable=False),
        sa.Column("model_version_id", Key, nullable=True),
        sa.Column("subject", ExactText(length=1200), server_default="", nullable=False),
        sa.Column("url", sa.UnicodeText(), server_default="", nullable=False),
        sa.Column("holder", sa.Unicode(length=200), nullable=False),
        sa.Column("intended_at", UtcDateTime, nullable=False),
        sa.Column("submitted_at", UtcDateTime, nullable=True),
        sa.Column("deadline", UtcDateTime, nullable=False),
        sa.Column("finished_at", UtcDateTime, nullable=True),
        sa.Column("reason", sa.Unicode(length=60), nullable=True),
        sa.CheckConstraint(
            "kind IN ('train', 'compose', 'copy', 'layout', 'analyze', 'batch', 'classify')",
            name=op.f("ck_operation_kind"),
        ),
        sa.CheckConstraint(
            "state IN ('intended', 'submitted', 'finished', 'failed', 'lost')",
            name=op.f("ck_operation_state"),
        ),
        sa.ForeignKeyConstraint(
            ["model_version_id"],
            ["model_version.id"],
            name=op.f("fk_operation_model_version_id_model_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operation")),
    )
    op.create_index("ix_operation_form_batch_group_id_state", "operation", ["form_batch_group_id", "state"])
    op.create_table(
        "operation_document",
        sa.Column("document_id", Key, nullable=False),
        sa.Column("operation_id", Key, nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["document.id"],
            name=op.f("fk_operation_document_document_id_document"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["operation_id"],
            ["operation.id"],
            name=op.f("fk_operation_document_operation_id_operation"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_operation_document")),
    )
    op.create_index("ix_operation_document_operation_id", "operation_document", ["operation_id"])


def downgrade() -> None:
    op.drop_index("ix_operation_document_operation_id", table_name="operation_document")
    op.drop_table("operation_document")
    op.drop_index("ix_operation_form_batch_group_id_state", table_name="operation")
    op.drop_table("operation")
