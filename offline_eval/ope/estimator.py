"""What an off-policy estimator is: a basis of columns per row, and a function of their means."""

from collections.abc import Callable
from dataclasses import dataclass

from offline_eval.intervals.evidence import Range
from offline_eval.intervals.functional import Functional
from offline_eval.intervals.known import Known, Weights
from offline_eval.intervals.rule import default_with_model
from offline_eval.moments import Matrix, Moments
from offline_eval.ope.rows import Rows


@dataclass(frozen=True, slots=True)
class Basis:
    """Columns of each row whose moments are the sufficient statistics; shared by all estimators that name it.

    Attributes:
        columns: rows → (d, m).
        joint: whether covariances between the columns are needed, not only their variances.
        needs: columns of the batch that must be present beyond the always present ones.
    """

    name: str
    columns: Callable[[Rows], Matrix]
    needs: frozenset[str] = frozenset()
    joint: bool = True


OWN = ("normal", "bootstrap", "asymptotic_cs", "trivial")
"""Intervals from an estimator's own influence values."""

MARGINAL = (*OWN, "gamma", "cressie_read", "merged_cs")
"""Intervals of estimators whose basis is (w, w r) with weights of their own."""

OF_VALUE = (
    "gamma",
    "cressie_read",
    "empirical_likelihood",
    "gamma_exponential_cs",
    "empirical_bernstein_cs",
    "merged_cs",
)
"""Intervals of the policy's value from weights and rewards, whatever the point estimate."""


def by_weights(_: Moments, weights: Weights) -> bool:
    """Whether any row has a positive weight."""
    return weights.positive > 0


@dataclass(frozen=True, slots=True)
class Estimator:
    """A function of the moments of a basis.

    Attributes:
        functional: moments → the estimator as a function of the means, parameters chosen from the data.
        supported: whether there is anything to estimate from; without it NoSupportError is raised.
        default: the rule that names its interval from what is known.
        intervals: names in INTERVALS that are valid for it.
        term_range: lowest and highest possible term of a row, for estimators that are a mean of one bounded term.
        point: the estimate itself where it is no plain function of means (then `functional` is its linearisation).
        unbiased: what the interval is computed from where the estimate itself trades bias for variance.
        weighs: whether what the log never tried is missing from it; not where a model or a category stands in for it.
        shifts: adding c to all rewards (and to q̂) adds c to the value. `scales`: multiplying them multiplies it.
    """

    name: str
    basis: Basis
    functional: Callable[[Moments], Functional]
    default: Callable[[Known], str] = default_with_model
    intervals: tuple[str, ...] = (*OWN, *OF_VALUE)
    supported: Callable[[Moments, Weights], bool] = by_weights
    term_range: Callable[[Known], Range | None] | None = None
    point: Callable[..., float] | None = None
    unbiased: Callable[[Moments], Functional] | None = None
    weighs: bool = True
    shifts: bool = False
    scales: bool = True
