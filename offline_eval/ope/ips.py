"""Inverse propensity scoring."""

import math

import numpy as np

from offline_eval.intervals.evidence import Range
from offline_eval.intervals.functional import Functional
from offline_eval.intervals.known import Known
from offline_eval.intervals.rule import default_interval
from offline_eval.moments import Moments
from offline_eval.ope.bases import WEIGHTS
from offline_eval.ope.estimator import OF_VALUE, OWN, Estimator


def functional(_: Moments) -> Functional:
    """v = mean of w r."""
    return Functional(np.array([0.0, 1.0, 0.0]))


def weighted_range(known: Known) -> Range | None:
    """Range of w r, where the bounds of both are known."""
    reward, weight = known.reward_range, known.weight_range
    if reward is None or not all(math.isfinite(bound) for bound in (*reward, weight[1])):
        return None
    return min(0.0, reward[0] * weight[1]), max(0.0, reward[1] * weight[1])


IPS = Estimator(
    "ips", WEIGHTS, functional, default_interval, (*OWN, "empirical_bernstein", *OF_VALUE), term_range=weighted_range
)
"""v̂ = (1/n) Σ w_i r_i with w = π(a|x) / μ(a|x).

Horvitz & Thompson 1952; Strehl, Langford, Li, Kakade, *Learning from logged implicit exploration data*, NeurIPS 2010.
Unbiased where μ > 0 wherever π > 0; its variance grows with E[w²]. Adding a constant to the rewards does not simply
add it to the estimate.

How often its interval covers: docs/results/coverage.md, "Every estimator by its own rule".
"""
