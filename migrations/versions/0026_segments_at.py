"""Units tell when their segments were last written."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("units", sa.Column("segments_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("units") as table:
        table.drop_column("segments_at")
