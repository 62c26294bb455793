"""Empirical likelihood interval for off-policy values."""

import math

import numpy as np
import scipy

from offline_eval.intervals.cells import Cells
from offline_eval.intervals.evidence import Evidence, MissingEvidenceError, Range, interval
from offline_eval.intervals.known import Known
from offline_eval.intervals.likelihood import Table, lower_values, tilt
from offline_eval.moments import Matrix


def table_of(cells: Cells, known: Known) -> tuple[Table, Matrix]:
    """One log's table, and its weighted rewards w r (1, C)."""
    count, weight, product = cells.points
    low, high = known.weight_range
    return Table(count[None], weight[None], low, high), product[None]


def bounds(table: Table, product: Matrix, reward: Range, alpha: float, inflation: float = 1.0) -> tuple[Matrix, Matrix]:
    """(R,) lower and upper bounds of R logs at once; `product` (R, C) is w r."""
    low, high = reward
    slack = np.asarray(0.5 * scipy.stats.f.isf(alpha, 1, np.maximum(table.n - 1, 1)) * inflation)
    scale = high - low if math.isfinite(high - low) else 1.0
    above = product - low * table.weight if math.isfinite(low) else np.zeros_like(product)
    below = high * table.weight - product if math.isfinite(high) else np.zeros_like(product)
    least = _least(table, np.maximum(np.stack([above, below]), 0.0) / scale, slack)
    lower = low + scale * least[0] if math.isfinite(low) else np.full(len(slack), low)
    upper = high - scale * least[1] if math.isfinite(high) else np.full(len(slack), high)
    return np.minimum(lower, high), np.maximum(upper, low)


def _least(table: Table, terms: Matrix, slack: Matrix) -> Matrix:
    """(2, R) least means of both sides' terms (2, R, C), at least 0, solved as 2 R logs at once."""
    twice = Table(np.vstack([table.count] * 2), np.vstack([table.weight] * 2), table.low, table.high)
    found = lower_values(twice, np.tile(tilt(table), 2), terms.reshape(twice.count.shape), np.tile(slack, 2))
    return np.maximum(found, 0.0).reshape(2, -1)


@interval(asymptotic=True)
def empirical_likelihood(evidence: Evidence, alpha: float) -> Range:
    """Least and greatest value of all distributions over (w, r), unseen values within the bounds included, that have
    mean weight 1 and a log-likelihood within F₁₋α(1, n - 1) / 2 of the greatest.

    Karampatziakis, Langford, Mineiro, *Empirical likelihood for contextual bandits*, NeurIPS 2020 (the dual of
    section 4). Asymptotic, for a fixed number of rows, yet covering where weights are heavy (.99 / .97 in its
    experiment with weights up to 1,000: docs/results/coverage.md). Needs a known reward range; known weight bounds make
    it tighter. The threshold is inflated by the design effect where units have many rows. Where all weights are 1 and
    all rewards the same value inside the range, it is that one point.
    """
    if evidence.known.reward_range is None:
        raise MissingEvidenceError("empirical likelihood needs a known reward range")
    if evidence.cells is None:
        raise MissingEvidenceError(
            "empirical likelihood needs the table of weights and rewards: gather with cells=True"
        )
    if evidence.known.constant is not None:
        return evidence.known.constant, evidence.known.constant
    table, product = table_of(evidence.cells, evidence.known)
    lower, upper = bounds(table, product, evidence.known.reward_range, alpha, evidence.known.effect)
    return float(lower[0]), float(upper[0])
