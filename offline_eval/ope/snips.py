"""Self-normalised inverse propensity scoring."""

import numpy as np

from offline_eval.intervals.functional import Functional
from offline_eval.intervals.rule import default_interval
from offline_eval.moments import Moments
from offline_eval.ope.bases import WEIGHTS
from offline_eval.ope.estimator import Estimator


def functional(_: Moments) -> Functional:
    """v = mean(w r) / mean(w)."""
    return Functional(np.zeros(3), np.array([0.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0]))


SNIPS = Estimator("snips", WEIGHTS, functional, default_interval, shifts=True)
"""v̂ = Σ w_i r_i / Σ w_i with w = π(a|x) / μ(a|x).

Swaminathan & Joachims, *The self-normalized estimator for counterfactual learning*, NeurIPS 2015. Consistent, biased by
O(1/n), always within the range of the observed rewards.

How often its interval covers: docs/results/coverage.md, "Every estimator by its own rule".
"""
