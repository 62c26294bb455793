"""Arm cells hold a power of 1/p, from which its largest value follows, where they held p (1 - p).

What was stored before has no such sum: a value that says "unknown" takes its place, and `winback rebuild --replace`
computes it from the log. Until then the eras of before do not count in bounds that rest on a metric's range.
"""

import json

import numpy as np
import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

PLACE, UNKNOWN = 1, 1e300

_CELLS = """
SELECT c.experiment_id, c.era, c.variant, c.segment, c.eligible, c.sums, s.arms FROM arm_cells c
JOIN eligible_sets s ON s.experiment_id = c.experiment_id AND s.place = c.eligible
"""
_PUT = """
UPDATE arm_cells SET sums = :sums WHERE experiment_id = :experiment_id AND era = :era AND variant = :variant
AND segment = :segment AND eligible = :eligible
"""


def upgrade() -> None:
    _replaced_with(UNKNOWN)


def downgrade() -> None:
    _replaced_with(0.0)


def _replaced_with(value: float) -> None:
    connection = op.get_bind()
    for row in connection.execute(sa.text(_CELLS)).mappings().all():
        sums = np.frombuffer(bytes(row["sums"]), dtype="<f8").reshape(-1, len(json.loads(row["arms"]))).copy()
        sums[PLACE] = value
        kept = {name: row[name] for name in ("experiment_id", "era", "variant", "segment", "eligible")}
        connection.execute(sa.text(_PUT), {**kept, "sums": sums.astype("<f8").tobytes()})
