"""Normal interval by the influence function (delta method)."""

from scipy.special import ndtri

from offline_eval.intervals.evidence import Evidence, Range, interval


def standard_error(evidence: Evidence) -> float:
    """√(gᵀ Σ g), Σ the covariance of the means (by unit where units have many rows) and g the functional's gradient."""
    return evidence.moments.error_along(evidence.functional.gradient(evidence.moments.means))


@interval(asymptotic=True)
def normal(evidence: Evidence, alpha: float) -> Range:
    """v ± z₁₋α/₂ · s, with s from the influence function (van der Vaart, Asymptotic Statistics, 1998, ch. 20).

    Asymptotic, for a fixed number of rows. Measured coverage falls **below 93 %** at nominal 95 % where weights are
    heavy (45-60 % in the elfcb experiment) and for rare rewards at n = 500 (docs/results/coverage.md); never the
    default there, see `rule`.
    """
    centre = float(evidence.functional.value(evidence.moments.means))
    half = float(ndtri(1 - alpha / 2)) * standard_error(evidence)
    return centre - half, centre + half
