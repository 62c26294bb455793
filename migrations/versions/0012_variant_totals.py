"""variant totals."""

import numpy as np
import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_KEYS = "experiment_id, revision, variant, voided, part"
_READ = f"SELECT {_KEYS}, sums FROM rollup_totals ORDER BY {_KEYS}"  # noqa: S608 - our names
_PUT = f"INSERT INTO rollup_variants ({_KEYS}, sums) VALUES (:a, :b, :c, :d, :e, :f)"  # noqa: S608 - our names


def upgrade() -> None:
    op.create_table(
        "rollup_variants",
        sa.Column("experiment_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("variant", sa.Text(), nullable=False),
        sa.Column("voided", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sums", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "experiment_id", "revision", "variant", "voided", "part", name=op.f("pk_rollup_variants")
        ),
        sqlite_with_rowid=False,
    )
    _fill(op.get_bind())


def _fill(connection: sa.Connection) -> None:
    """Add up what the totals hold already."""
    sums: dict[tuple[object, ...], np.ndarray] = {}
    for *found, packed in connection.execute(sa.text(_READ)):
        key = tuple(found)
        row, known = np.frombuffer(bytes(packed), dtype="<f8").copy(), sums.get(key, np.zeros(0))
        longer, other = (row, known) if len(row) > len(known) else (known, row)
        longer[: len(other)] += other
        sums[key] = longer
    for key, row in sums.items():
        connection.execute(sa.text(_PUT), dict(zip("abcdef", (*key, row.tobytes()), strict=True)))


def downgrade() -> None:
    op.drop_table("rollup_variants")
