"""Balanced mixture over several logging policies."""

import numpy as np

from offline_eval.intervals.functional import Functional
from offline_eval.intervals.rule import default_marginal
from offline_eval.moments import Matrix, Moments
from offline_eval.ope.estimator import MARGINAL, Basis, Estimator
from offline_eval.ope.rows import Rows


def columns(rows: Rows) -> Matrix:
    """(2, m): w, w r with w = π / μ̄."""
    why = "the balanced weight divides by the propensity averaged over the logging policies"
    weight = np.divide(rows.batch.target_chosen, rows.batch.need("mixture_propensity", why), dtype=np.float64)
    return np.stack([weight, weight * rows.reward])


def functional(_: Moments) -> Functional:
    """v = mean of w r."""
    return Functional(np.array([0.0, 1.0]))


BALANCED_MIXTURE = Estimator(
    "balanced_mixture",
    Basis("balanced_mixture", columns, frozenset({"mixture_propensity"})),
    functional,
    default_marginal,
    MARGINAL,
)
"""v̂ = (1/n) Σ_i π(a_i|x_i) / μ̄(a_i|x_i) · r_i with μ̄ = Σ_l (n_l / n) μ_l over the logging policies l.

Agarwal, Basu, Schnabel, Joachims, *Effective evaluation using logged bandit feedback from multiple loggers*, KDD 2017.
Needs support under any one of the policies; never more variable than IPS with each row's own propensity.

How often its interval covers: docs/results/coverage.md, "Every estimator by its own rule".
"""
