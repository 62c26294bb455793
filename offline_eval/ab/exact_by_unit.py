"""Shares of repeated decisions where events are few: Clopper & Pearson's limits as if each unit were one trial.

Where units have several decisions the trials are as many as units that weigh alike: (Σ D)² / Σ D² (Kish 1965, *Survey
sampling*, section 8.2), which takes all decisions of a unit for one and the same. Measured, not proved:
docs/results/claims.md.
"""

from offline_eval.ab.contrast import Contrast, Rule, Sizes
from offline_eval.ab.proportion import Proportion, clopper_pearson, difference_bounds, proportions_contrast

METHOD = "clopper_pearson_by_unit"

_LEAST = 1e-12
"""Levels below are not told apart."""


def exact_share(share: float, trials: float, alpha: float) -> Proportion:
    """A share with its limits; exact for one decision a unit."""
    return clopper_pearson(share * trials, trials, alpha)


def exact_contrast(shares: tuple[float, float], trials: tuple[float, float], sizes: Sizes, alpha: float) -> Contrast:
    """Treated minus control, and their ratio, from the limits of both (see `proportion`).

    The p-value is the least alpha at which the difference's interval leaves 0 out.
    """
    top, bottom = (exact_share(*each, alpha) for each in zip(shares, trials, strict=True))
    return proportions_contrast((top, bottom), sizes, Rule(0.0, alpha, METHOD), _p_value(shares, trials))


def _p_value(shares: tuple[float, float], trials: tuple[float, float]) -> float:
    def reach(alpha: float) -> float:
        """How far the interval goes beyond 0, away from the value; negative where it leaves 0 out."""
        lower, upper = difference_bounds(*(exact_share(*each, alpha) for each in zip(shares, trials, strict=True)))
        return -lower if shares[0] > shares[1] else upper

    if reach(1.0) >= 0:
        return 1.0
    if reach(_LEAST) <= 0:
        return _LEAST
    from scipy.optimize import brentq  # takes long to import, and a service that starts needs it seldom

    return float(brentq(reach, _LEAST, 1.0))
