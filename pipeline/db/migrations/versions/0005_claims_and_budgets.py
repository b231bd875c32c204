"""Claims of documents, budgets of calls, what a run left and what it cost"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from pipeline.db.columns import ExactDecimal, Key

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_POLICIES = {"on_gone": ("keep", "remove"), "on_rename": ("reuse", "score")}
"""The words of each policy, its default first."""

_COUNTS = ("gone", "reused", "left_over")
_CLAIMED = sa.text("claimed_by IS NOT NULL")


def upgrade() -> None:
    for name, words in _POLICIES.items():
        _add_policy(name, words)
    for name in _COUNTS:
        op.add_column("run_row", sa.Column(name, sa.Integer(), server_default="0", nullable=False))
    op.add_column("run_row", sa.Column("cost", ExactDecimal(), nullable=True))
    op.create_table(
        "budget",
        sa.Column("resource", sa.Unicode(length=64), nullable=False),
        sa.Column("operation_class", sa.Unicode(length=20), nullable=False),
        sa.Column("next_at", sa.Float(53), server_default="0", nullable=False),
        sa.Column("held_until", sa.Float(53), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("resource", "operation_class", name=op.f("pk_budget")),
    )
    op.add_column("document", sa.Column("claimed_by", Key, nullable=True))
    op.create_index("ix_document_form_type_content_hash", "document", ["form_type", "content_hash"])
    op.create_index(
        "ix_document_claimed_by",
        "document",
        ["claimed_by"],
        sqlite_where=_CLAIMED,
        postgresql_where=_CLAIMED,
        mssql_where=_CLAIMED,
    )


def downgrade() -> None:
    op.execute("UPDATE document SET stage = 'pending' WHERE stage = 'claimed'")
    op.drop_index("ix_document_claimed_by", table_name="document")
    op.drop_index("ix_document_form_type_content_hash", table_name="document")
    op.drop_column("document", "claimed_by")
    op.drop_table("budget")
    op.drop_column("run_row", "cost")
    for name in reversed(_COUNTS):
        op.drop_column("run_row", name, mssql_drop_default=True)
    for name in reversed(_POLICIES):
        _drop_policy(name)


def _add_policy(name: str, words: tuple[str, ...]) -> None:
    """SQLite cannot add a rule to a table; it takes one that stands with a new column."""
    rule = f"{name} IN ({', '.join(repr(word) for word in words)})"
    if op.get_context().dialect.name == "sqlite":
        op.execute(
            f"ALTER TABLE form_type ADD COLUMN {name} VARCHAR(20) DEFAULT '{words[0]}' NOT NULL "
            f"CONSTRAINT ck_form_type_{name} CHECK ({rule})"
        )
        return
    column = sa.Column(name, sa.Unicode(length=20), server_default=words[0], nullable=False)
    op.add_column("form_type", column)
    op.create_check_constraint(op.f(f"ck_form_type_{name}"), "form_type", sa.text(rule))


def _drop_policy(name: str) -> None:
    if op.get_context().dialect.name != "sqlite":
        op.drop_constraint(op.f(f"ck_form_type_{name}"), "form_type", type_="check")
    op.drop_column("form_type", name, mssql_drop_default=True)
