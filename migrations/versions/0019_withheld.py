"""Deliveries count the decisions whose units nobody may contact any more."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("withheld", sa.BigInteger(), nullable=False, server_default="0"))
    with op.batch_alter_table("deliveries") as table:
        table.alter_column("withheld", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("deliveries") as table:
        table.drop_column("withheld")
