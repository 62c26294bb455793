"""Whether the shares of arms moved during a log, as those of a policy that learns do."""

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from offline_eval.moments import Matrix

LIMIT = 0.001

SMALL = 0.05
"""Cramér's V below which a drift of the shares is too small to mislead."""


@dataclass(frozen=True, slots=True)
class Drift:
    """Pearson's χ² test of independence of period and arm, and Cramér's V.

    Attributes:
        clearest: the p-value if every arm had had a time of its own.
    """

    p_value: float
    strength: float
    clearest: float

    @property
    def moved(self) -> bool:
        """Clearly, and by enough to mislead."""
        return self.p_value < LIMIT and self.strength > SMALL

    @property
    def could_show(self) -> bool:
        """Whether there are rows enough for a drift to be seen at all; not moved means nothing otherwise."""
        return self.clearest < LIMIT


def drift_of(table: Matrix) -> Drift | None:
    """From rows by period and arm (T, K); None with one arm or one period, where nothing can have moved."""
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    if min(table.shape) < 2:
        return None
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
    most = float(table.sum()) * (min(table.shape) - 1)
    return Drift(float(chdtrc(freedom, statistic)), (statistic / most) ** 0.5, float(chdtrc(freedom, most)))
