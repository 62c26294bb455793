"""Doubly robust estimation."""

import numpy as np

from offline_eval.intervals.functional import Functional
from offline_eval.moments import Moments
from offline_eval.ope.bases import MODEL
from offline_eval.ope.estimator import Estimator


def functional(_: Moments) -> Functional:
    """v = mean of Σ_a π q̂ + w (r - q̂)."""
    return Functional(np.array([1.0, 1.0, 0.0]))


DR = Estimator("dr", MODEL, functional, shifts=True)
"""v̂ = (1/n) Σ_i [Σ_a π(a|x_i) q̂(x_i, a) + w_i (r_i - q̂(x_i, a_i))].

Dudík, Langford, Li, *Doubly robust policy evaluation and learning*, ICML 2011. Unbiased where the propensities are
right (q̂ cross-fitted), consistent where either they or q̂ are. With q̂ = 0 it is IPS.

How often its interval covers: docs/results/coverage.md, "Every estimator by its own rule".
"""
