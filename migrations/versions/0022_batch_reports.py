"""Batches tell which arms they gave, what was left out and why, and since when."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")


def upgrade() -> None:
    op.add_column("batches", sa.Column("report", _JSON, nullable=False, server_default="{}"))
    with op.batch_alter_table("batches") as table:
        table.alter_column("report", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("batches") as table:
        table.drop_column("report")
