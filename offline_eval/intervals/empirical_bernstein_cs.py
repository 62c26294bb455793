"""Predictable plug-in empirical Bernstein confidence sequence for off-policy values."""

import math

import numpy as np

from offline_eval.intervals.evidence import Evidence, MissingEvidenceError, Range, interval
from offline_eval.intervals.sequence import Path, Side
from offline_eval.moments import Matrix


def path_bounds(path: Path, alpha: float) -> Matrix:
    """(m,) lower bounds on the scaled mean after each row: (Σ λ x - ln(1/α) - Σ ψ(λ)(x - x̂)²) / Σ λ, at least 0."""
    return np.clip((path.bet_terms - math.log(1.0 / alpha) - path.bet_loss) / path.bets, 0.0, 1.0)


def side_bound(side: Side, alpha: float) -> float:
    """Lower bound on the scaled mean of one side."""
    if side.bets == 0.0:
        return 0.0
    return min(max((side.bet_terms - math.log(1.0 / alpha) - side.bet_loss) / side.bets, 0.0), 1.0)


@interval(anytime_valid=True, order_dependent=True)
def empirical_bernstein_cs(evidence: Evidence, alpha: float) -> Range:
    """Waudby-Smith, Wu, Ramdas, Karampatziakis, Mineiro, *Anytime-valid off-policy inference for contextual bandits*,
    ACM/IMS J. Data Sci. 2024, proposition 2, with the IPW terms x = w r (k = 0), each side at α/2.

    Anytime-valid and non-asymptotic: may be looked at after every row; needs a known reward range and no bound on the
    weights. **Depends on the order of the rows**; cannot be merged. Adaptive logging policies are allowed. Measured
    under peeking in docs/results/coverage.md.
    """
    if evidence.sequence is None:
        raise MissingEvidenceError("a confidence sequence needs rows gathered in order and a known reward range")
    low, high = evidence.sequence.reward
    return (
        low + (high - low) * side_bound(evidence.sequence.lower, alpha / 2),
        high - (high - low) * side_bound(evidence.sequence.upper, alpha / 2),
    )
