"""A shadow: a policy whose pmf was recorded with every decision without acting."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from offline_eval.candidates.candidate import of_chosen, restricted
from offline_eval.logs.batch import Floats, LogBatch


@dataclass(frozen=True)
class Recorded:
    """The pmfs as they were recorded. It learned only from rounds before each decision, so every row may judge it."""

    name: str
    key: str
    trained: bool = False

    def target(self, rows: LogBatch) -> Floats:
        """The recorded pmf, shape (n, K); uniform over the eligible arms in rows from before it was named."""
        found = rows.shadows[self.key]
        even = restricted(np.full(found.shape, 1.0 / found.shape[1]), rows)
        return np.where(np.isnan(found), even, found)

    def chosen(self, rows: LogBatch) -> Floats:
        """The recorded probability of the logged arm, shape (n,)."""
        return of_chosen(self.target(rows), rows)

    def fallback(self, rows: LogBatch) -> NDArray[np.bool_]:
        """Rows from before it was named."""
        return np.asarray(np.isnan(rows.shadows[self.key][:, 0]))
