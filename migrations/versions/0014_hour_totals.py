"""hour totals."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

import numpy as np
import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_PLACES = "SELECT experiment_id, place, name FROM rollup_metrics"
_READ = """
SELECT hour, revision, variant, arm, voided, metric, sum(rounds), sum(total) FROM rollup_hourly
WHERE experiment_id = :id GROUP BY hour, revision, variant, arm, voided, metric ORDER BY hour
"""
_PUT = """
INSERT INTO rollup_hour_totals (experiment_id, day, revision, variant, arm, voided, sums)
VALUES (:a, :b, :c, :d, :e, :f, :g)
"""


def upgrade() -> None:
    op.create_table(
        "rollup_hour_totals",
        sa.Column("experiment_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("variant", sa.Text(), nullable=False),
        sa.Column("arm", sa.Text(), nullable=False),
        sa.Column("voided", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sums", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "experiment_id", "day", "revision", "variant", "arm", "voided", name=op.f("pk_rollup_hour_totals")
        ),
        sqlite_with_rowid=False,
    )
    _fill(op.get_bind())


def _fill(connection: sa.Connection) -> None:
    """Add up what the hourly tier holds already, an experiment and a day at a time."""
    places: dict[int, dict[str, int]] = {}
    for experiment, place, name in connection.execute(sa.text(_PLACES)):
        places.setdefault(experiment, {})[name] = place
    for experiment, place_of in places.items():
        rows = connection.execute(sa.text(_READ), {"id": experiment})
        for day, hours in groupby(rows, key=lambda row: row[0] // 24):
            _put(connection, (experiment, day), hours, place_of)


def _put(
    connection: sa.Connection,
    owner: tuple[int, int],
    hours: Iterable[Any],
    place_of: dict[str, int],
) -> None:
    sums: dict[tuple[object, ...], np.ndarray] = {}
    for hour, revision_, variant, arm, voided, metric, rounds, total in hours:
        packed = sums.setdefault((revision_, variant, arm, voided), np.zeros((len(place_of), 2, 24)))
        packed[place_of[metric], :, hour % 24] = rounds, total
    values = [(*owner, *key, packed.astype("<f8").tobytes()) for key, packed in sums.items()]
    connection.execute(sa.text(_PUT), [dict(zip("abcdefg", row, strict=True)) for row in values])


def downgrade() -> None:
    op.drop_table("rollup_hour_totals")
