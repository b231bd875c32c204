"""Where in its text a value stands"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_PLACE = ("text_offset", "text_length")


def upgrade() -> None:
    for name in _PLACE:
        op.add_column("field_value", sa.Column(name, sa.Integer(), nullable=True))


def downgrade() -> None:
    for name in reversed(_PLACE):
        op.drop_column("field_value", name)
