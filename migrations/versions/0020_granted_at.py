"""Leases say when they were last granted to: until they are used, nobody else takes of them for a moment."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("limit_leases", sa.Column("granted_at", sa.BigInteger(), nullable=False, server_default="0"))
    with op.batch_alter_table("limit_leases") as table:
        table.alter_column("granted_at", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("limit_leases") as table:
        table.drop_column("granted_at")
