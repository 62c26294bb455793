"""Direct method."""

import numpy as np

from offline_eval.intervals.functional import Functional
from offline_eval.intervals.rule import default_model_only
from offline_eval.moments import Moments
from offline_eval.ope.bases import MODEL
from offline_eval.ope.estimator import OWN, Estimator


def functional(_: Moments) -> Functional:
    """v = mean of Σ_a π(a|x) q̂(x, a)."""
    return Functional(np.array([1.0, 0.0, 0.0]))


DM = Estimator("dm", MODEL, functional, default_model_only, OWN, supported=lambda *_: True, weighs=False, shifts=True)
"""v̂ = (1/n) Σ_i Σ_a π(a|x_i) q̂(x_i, a).

Beygelzimer & Langford, *The offset tree for learning with partial labels*, KDD 2009. As good as the reward model: the
interval covers the sampling of contexts only, **not the model's error**, so it claims no coverage of the policy's
value. It does not look at the weights and therefore answers without support too: the stated fallback.

How often its interval covers: docs/results/coverage.md, "Every estimator by its own rule" (never, where its model is
off by a tenth).
"""
