"""Signs of trouble, and the addresses that each key was used from."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "security_events",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject", "address", "hour", name=op.f("pk_security_events")),
    )
    op.create_index("ix_security_events_last_at", "security_events", ["last_at"])
    op.add_column("api_keys", sa.Column("addresses", sa.Text(), nullable=False, server_default=""))
    with op.batch_alter_table("api_keys") as table:
        table.alter_column("addresses", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("api_keys") as table:
        table.drop_column("addresses")
    op.drop_table("security_events")
