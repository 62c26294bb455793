"""Marginalised inverse propensity scoring, for many arms that fall into categories."""

import numpy as np

from offline_eval.intervals.functional import Functional
from offline_eval.intervals.known import Weights
from offline_eval.intervals.rule import default_marginal
from offline_eval.moments import Matrix, Moments
from offline_eval.ope.estimator import MARGINAL, Basis, Estimator
from offline_eval.ope.rows import Rows


def columns(rows: Rows) -> Matrix:
    """(2, m): w(c), w(c) r, c the category of the logged arm."""
    batch = rows.batch
    why = "the marginal weight sums both policies over the arms of a category"
    target, logged, category = (batch.need(name, why) for name in ("target", "logged", "category"))
    same = category[None, :] == category[batch.action][:, None]
    top, bottom = (target * same).sum(axis=1), (logged * same).sum(axis=1)
    weight = np.divide(top, bottom, dtype=np.float64)
    return np.stack([weight, weight * rows.reward])


def functional(_: Moments) -> Functional:
    """v = mean of w(c) r."""
    return Functional(np.array([0.0, 1.0]))


def supported(moments: Moments, _: Weights) -> bool:
    """Whether any row has a category that the target would choose."""
    return bool(moments.total[0] > 0)


MIPS = Estimator(
    "mips",
    Basis("mips", columns, frozenset({"target", "logged", "category"})),
    functional,
    default_marginal,
    MARGINAL,
    supported,
    weighs=False,
)
"""v̂ = (1/n) Σ_i w(x_i, c_i) r_i with w(x, c) = Σ_{a in c} π(a|x) / Σ_{a in c} μ(a|x).

Saito & Joachims, *Off-policy evaluation for large action spaces via embeddings*, ICML 2022. Unbiased where arms of one
category earn the same in the same context (no direct effect); needs support by category only, so that arms without
support are answered for by their category: the stated fallback.

How often its interval covers: docs/results/coverage.md, "Every estimator by its own rule" (there an arm has an
effect of its own beyond its category, and it hardly ever does).
"""
