"""What limits the guessing of passwords."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "guess_marks",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("forget_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_guess_marks")),
    )
    op.create_index("ix_guess_marks_forget_at", "guess_marks", ["forget_at"])


def downgrade() -> None:
    op.drop_table("guess_marks")
