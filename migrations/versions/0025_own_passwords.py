"""Whose password somebody else knows, and when a sign-in was last used. Everybody signs in anew."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("password_due", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("users") as table:
        table.alter_column("password_due", server_default=None)
    op.execute("DELETE FROM sign_ins")
    with op.batch_alter_table("sign_ins") as table:
        table.add_column(sa.Column("seen_at", sa.BigInteger(), nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("sign_ins") as table:
        table.drop_column("seen_at")
    with op.batch_alter_table("users") as table:
        table.drop_column("password_due")
