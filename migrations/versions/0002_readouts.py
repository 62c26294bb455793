"""readouts."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _key(name: str, kind: type[sa.types.TypeEngine[Any]] = sa.BigInteger) -> sa.Column[Any]:
    return sa.Column(name, kind(), nullable=False)


def _aa_runs() -> None:
    document = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    op.create_table(
        "aa_runs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        _key("experiment_id"),
        _key("status", sa.Text),
        sa.Column("request", document, nullable=False),
        _key("stage", sa.Text),
        _key("progress", sa.Float),
        sa.Column("result", document, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        _key("created_at"),
        _key("created_by", sa.Text),
        sa.Column("heartbeat_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_aa_runs")),
    )
    with op.batch_alter_table("aa_runs", schema=None) as batch_op:
        batch_op.create_index("ix_aa_runs_status", ["status"], unique=False)


def upgrade() -> None:
    op.create_table(
        "eligible_sets",
        _key("experiment_id"),
        _key("place", sa.Integer),
        _key("arms", sa.Text),
        sa.PrimaryKeyConstraint("experiment_id", "place", name=op.f("pk_eligible_sets")),
    )
    op.create_table(
        "arm_eras",
        _key("experiment_id"),
        _key("start"),
        _key("rounds"),
        _key("span", sa.Integer),
        _key("opened", sa.Text),
        sa.PrimaryKeyConstraint("experiment_id", "start", name=op.f("pk_arm_eras")),
    )
    op.create_table(
        "arm_cells",
        _key("experiment_id"),
        _key("era"),
        _key("variant", sa.Text),
        _key("segment", sa.Text),
        _key("eligible", sa.Integer),
        _key("rounds"),
        _key("sums", sa.LargeBinary),
        sa.PrimaryKeyConstraint("experiment_id", "era", "variant", "segment", "eligible", name=op.f("pk_arm_cells")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "trust_sums",
        _key("experiment_id"),
        _key("name", sa.Text),
        _key("place", sa.Text),
        _key("sums", sa.LargeBinary),
        sa.PrimaryKeyConstraint("experiment_id", "name", "place", name=op.f("pk_trust_sums")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "maturity_slots",
        _key("experiment_id"),
        _key("revision", sa.Integer),
        _key("slot"),
        _key("decisions"),
        sa.PrimaryKeyConstraint("experiment_id", "revision", "slot", name=op.f("pk_maturity_slots")),
        sqlite_with_rowid=False,
    )
    _aa_runs()


def downgrade() -> None:
    for table in ("aa_runs", "maturity_slots", "trust_sums", "arm_cells", "arm_eras", "eligible_sets"):
        op.drop_table(table)
