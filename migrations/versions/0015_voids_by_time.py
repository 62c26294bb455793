"""Voids by when they were made: gathering contacts asks every half minute for those after its mark."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_voids_voided_at", "voids", ["voided_at"])


def downgrade() -> None:
    op.drop_index("ix_voids_voided_at", "voids")
