"""Keys have a rate limit, an instant of last use, and the key that replaces them."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("last_used_at", sa.BigInteger(), nullable=True))
    op.add_column("api_keys", sa.Column("rate_limit", sa.Text(), nullable=True))
    op.add_column("api_keys", sa.Column("replaced_by", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("api_keys") as table:
        table.drop_column("replaced_by")
        table.drop_column("rate_limit")
        table.drop_column("last_used_at")
