"""Which rows candidates learn from, so that they can be judged on others."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from offline_eval.logs.batch import Floats, LogBatch, join_batches
from offline_eval.logs.log import Log
from offline_eval.models.crossfit import fold_of

TRAINING_ROWS = 1_000_000
"""Most rows that are held in memory to learn from; of longer logs a sample by unit."""

POLICY_FOLDS = 2
SAMPLE_SALT = 7


@dataclass(frozen=True)
class Training:
    """Rows to learn from, in order of time where there is one.

    Attributes:
        split: the time from which on candidates are judged; None: the log has no time, they are cross-fitted by unit.
    """

    rows: LogBatch
    split: float | None

    def parts(self) -> list[LogBatch]:
        """What each part of a candidate learns from: everything before the split, or all folds but one."""
        if self.split is not None and self.rows.time is not None:
            return [self.rows.take(self.rows.time < self.split)]
        fold = fold_of(self.rows.unit, POLICY_FOLDS)
        return [self.rows.take(fold != index) for index in range(POLICY_FOLDS)]


def training_rows(log: Log, limit: int = TRAINING_ROWS) -> Training:
    """The whole log where it has at most `limit` rows, else about as many, whole units at a time."""
    share = max(1, -(-log.n // limit))
    kept = (rows if share == 1 else rows.take(fold_of(rows.unit, share, SAMPLE_SALT) == 0) for rows in log.batches())
    rows = join_batches([replace(batch, unit_id=None) for batch in kept])
    if rows.time is None:
        return Training(rows, None)
    rows = rows.take(np.argsort(rows.time, kind="stable"))
    return Training(rows, _split(rows.time))


def _split(time: Floats | None) -> float | None:
    """The instant that leaves about half of the rows before it; None where all rows share one."""
    if time is None or time[0] == time[-1]:
        return None
    middle = float(time[len(time) // 2])
    later = time[time > middle]
    after = float(later[0]) if len(later) else middle
    before, beyond = int((time < middle).sum()), int((time < after).sum())
    return middle if abs(before - len(time) / 2) <= abs(beyond - len(time) / 2) else after


def judged(rows: LogBatch, split: float | None, *, trained: bool) -> NDArray[np.bool_] | None:
    """The rows that a candidate may be judged on, shape (n,); None: all of them."""
    if not trained or split is None or rows.time is None:
        return None
    return np.asarray(rows.time >= split)
