"""Cressie–Read estimation."""

import math

import numpy as np

from offline_eval.intervals.evidence import Evidence
from offline_eval.intervals.functional import Functional
from offline_eval.intervals.rule import default_marginal
from offline_eval.intervals.sums import FiveSums
from offline_eval.moments import Moments
from offline_eval.ope.bases import WEIGHTS
from offline_eval.ope.estimator import Estimator


def functional(moments: Moments) -> Functional:
    """Its linearisation: v = mean(w r) - b (mean(w) - 1), b the regression of w r on w."""
    covariance = moments.covariance()
    slope = covariance[0, 1] / covariance[0, 0] if covariance[0, 0] > 0 else moments.means[1]
    return Functional(np.array([-slope, 1.0, 0.0]), constant=float(slope))


def point(evidence: Evidence) -> float:
    """Σ q w r of the closest reweighting, plus the missing mass times the mean reward.

    One unseen row lets the mean weight be 1: at the largest possible weight where the observed mean is below 1, else at
    the smallest.
    """
    sums, moments = FiveSums.of(evidence.moments), evidence.moments
    n, rewards = sums.n, moments.total[2]
    low, high = evidence.known.weight_range
    extra = high if sums.w < n else low
    if math.isinf(extra):
        gamma, beta = -(1 + n) / n, 0.0
    else:
        mean, square = (extra + sums.w) / (1 + n), (extra**2 + sums.ww) / (1 + n)
        spread = square - mean**2
        gamma, beta = (mean - square) / spread, (mean - 1) / spread
    mass = (-gamma * sums.w - beta * sums.ww) / (1 + n)
    return float((-gamma * sums.wr - beta * sums.wwr) / (1 + n) + max(0.0, 1 - mass) * rewards / n)


CRESSIE_READ = Estimator("cressie_read", WEIGHTS, functional, default_marginal, point=point)
"""v̂ = Σ q_i w_i r_i, q the reweighting of the log nearest to uniform (Cressie–Read, λ = -2) with mean weight 1.

Karampatziakis, Langford, Mineiro, *Empirical likelihood for contextual bandits*, NeurIPS 2020. From five sums. Missing
mass is given the logged mean reward.

How often its interval covers: docs/results/coverage.md, "Every estimator by its own rule".
"""
