"""Evidence against a null hypothesis that may be looked at at any time: e-values of counts and of martingales.

An e-value has mean at most 1 under the null at every stopping time, so that "it ever reaches 1/α" happens at most at
rate α over the whole life of an experiment (Ville 1939). All of these are functions of sums, hence mergeable. They are
given as logarithms; 1 / e-value, at most 1, serves as an always-valid p-value.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln, logsumexp

Floats = NDArray[np.float64]

CONCENTRATION = 1000.0
"""How near to the null the alternatives of `multinomial` lie: as if seen in this many trials before."""

SLOPES = np.geomspace(1e-4, 1.0, 25)
"""Tilts of `martingale`; small ones serve long experiments."""


def p_value_of(log_evidence: float) -> float:
    """min(1, 1 / e-value)."""
    return min(1.0, math.exp(min(-log_evidence, 0.0)))


def multinomial(counts: ArrayLike, shares: ArrayLike, concentration: float = CONCENTRATION) -> float:
    """Log Bayes factor of a Dirichlet mixture around `shares` against `shares` themselves; both of length K.

    Lindon & Malek (2022), *Anytime-valid inference for multinomial count data*, NeurIPS, eq. 7. Exact at every n.
    Raises ValueError where a count has a share of 0.
    """
    seen, null = np.asarray(counts, dtype=np.float64), np.asarray(shares, dtype=np.float64)
    if np.any(null[seen > 0] <= 0):
        raise ValueError("a category of share 0 was seen")
    seen, null = seen[null > 0], null[null > 0] / null.sum()
    prior = concentration * null
    return dirichlet_marginal(seen, prior) - float(seen @ np.log(null))


def dirichlet_marginal(counts: Floats, prior: Floats) -> float:
    """Log probability of one sequence with these counts under a Dirichlet(prior) mixture."""
    total = gammaln(prior.sum()) - gammaln(prior.sum() + counts.sum())
    return float(total + (gammaln(prior + counts) - gammaln(prior)).sum())


def homogeneity(table: ArrayLike) -> float:
    """Log e-value against "every row of the (R, C) table of counts has the same distribution over columns".

    Numerator: each row's own Dirichlet(½) mixture; denominator: the largest likelihood under the null. Universal
    inference (Wasserman, Ramdas & Balakrishnan 2020, PNAS 117, section 8): exact at every n, and conservative.
    """
    counts = np.asarray(table, dtype=np.float64)
    columns = counts.sum(axis=0)
    used = columns > 0
    if used.sum() < 2:
        return 0.0
    prior = np.full(counts.shape[1], 0.5)
    rows = sum(dirichlet_marginal(row, prior) for row in counts)
    return float(rows - columns[used] @ np.log(columns[used] / columns.sum()))


def martingale(drift: float, variance: float) -> float:
    """Log e-value against "`drift` is a sum of zero-mean steps in [-1, 1] whose conditional variances add up to this".

    A mixture over tilts λ of exp(±λ M - (e^λ - 1 - λ) V), each a supermartingale (Freedman 1975, Ann. Probab. 3,
    100-118). Exact at every n.
    """
    cost = (np.expm1(SLOPES) - SLOPES) * variance
    terms = np.concatenate([SLOPES * drift - cost, -SLOPES * drift - cost])
    return float(logsumexp(terms) - math.log(len(terms)))


def average(log_evidences: Sequence[float]) -> float:
    """Log of the mean of e-values, an e-value whatever their dependence; 0 without any."""
    return float(logsumexp(log_evidences) - math.log(len(log_evidences))) if log_evidences else 0.0
