"""Self-normalised doubly robust estimation."""

import numpy as np

from offline_eval.intervals.functional import Functional
from offline_eval.moments import Moments
from offline_eval.ope.bases import MODEL
from offline_eval.ope.estimator import Estimator


def functional(_: Moments) -> Functional:
    """v = mean(Σ_a π q̂) + mean(w (r - q̂)) / mean(w)."""
    return Functional(np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0]))


SNDR = Estimator("sndr", MODEL, functional, shifts=True)
"""v̂ = (1/n) Σ_i Σ_a π(a|x_i) q̂(x_i, a) + Σ_i w_i (r_i - q̂(x_i, a_i)) / Σ_i w_i.

Thomas & Brunskill, *Data-efficient off-policy policy evaluation for reinforcement learning*, ICML 2016 (weighted doubly
robust, horizon 1). With q̂ = 0 it is SNIPS.

How often its interval covers: docs/results/coverage.md, "Every estimator by its own rule".
"""
