"""What a revision's cap on revenue was proposed from, where it was taken at the start without being stated."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("revisions", sa.Column("cap_origin", sa.Text()))


def downgrade() -> None:
    with op.batch_alter_table("revisions") as table:
        table.drop_column("cap_origin")
