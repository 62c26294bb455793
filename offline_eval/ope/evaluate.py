"""From sufficient statistics to estimates with intervals."""

import math
from dataclasses import replace

import numpy as np

from offline_eval.estimate import Estimate
from offline_eval.intervals import INTERVALS
from offline_eval.intervals.evidence import Evidence, Range
from offline_eval.intervals.known import Bounds, Known
from offline_eval.ope import ESTIMATORS
from offline_eval.ope.errors import NoSupportError
from offline_eval.ope.estimator import MARGINAL, OF_VALUE, Estimator
from offline_eval.ope.gather import Statistics


def known_of(statistics: Statistics, bounds: Bounds) -> Known:
    """What the choice of an interval may look at."""
    return Known(bounds, statistics.weights, any(part.clustered for part in statistics.moments.values()))


def evidence_of(name: str, statistics: Statistics, bounds: Bounds) -> Evidence:
    """The part of the statistics that the estimator's own intervals read."""
    estimator, known = ESTIMATORS[name], known_of(statistics, bounds)
    moments = statistics.moments[estimator.basis.name]
    if estimator.intervals is MARGINAL:
        known = replace(known, bounds=Bounds(bounds.reward))
    span = estimator.term_range(known) if estimator.term_range else None
    return Evidence(moments, estimator.functional(moments), known, span, statistics.cells, statistics.sequence)


def interval_for(estimator: Estimator, evidence: Evidence) -> str:
    """Name of the estimator's default interval for this log."""
    name = estimator.default(evidence.known)
    return "cressie_read" if name == "empirical_likelihood" and evidence.cells is None else name


def estimate(
    name: str, statistics: Statistics, bounds: Bounds | None = None, interval: str | None = None, alpha: float = 0.05
) -> Estimate:
    """The estimator's value with an interval, by default the one that its rule names.

    An interval of the policy's value that happens to miss the point is widened to include it.
    Raises NoSupportError where no logged row has a positive weight (and the estimator has no stated fallback),
    MissingEvidenceError where the interval cannot be computed, ValueError where it is not valid for the estimator.
    """
    estimator, evidence = ESTIMATORS[name], evidence_of(name, statistics, bounds or Bounds())
    if not estimator.supported(evidence.moments, statistics.weights):
        raise NoSupportError(f"{name}: no logged row has an arm that the target would choose")
    chosen = interval or interval_for(estimator, evidence)
    if chosen not in estimator.intervals:
        raise ValueError(f"interval {chosen!r} is not valid for {name!r}; valid: {', '.join(estimator.intervals)}")
    from_weights = chosen in OF_VALUE and estimator.intervals is not MARGINAL
    read = evidence_of("ips", statistics, bounds or Bounds()) if from_weights else without_bias(estimator, evidence)
    limits = INTERVALS[chosen](read, alpha)
    return finished(point_of(estimator, evidence), limits, evidence, f"{named(estimator, evidence)}+{chosen}", alpha)


def named(estimator: Estimator, evidence: Evidence) -> str:
    """The estimator's name, with the parameter that was chosen from the data in brackets."""
    parameter = evidence.functional.parameter
    return estimator.name if parameter is None else f"{estimator.name}[{parameter:g}]"


def without_bias(estimator: Estimator, evidence: Evidence) -> Evidence:
    """The evidence that intervals read: of the unbiased member of the family, where the estimate is shrunken."""
    if estimator.unbiased is None:
        return evidence
    return replace(evidence, functional=estimator.unbiased(evidence.moments))


def point_of(estimator: Estimator, evidence: Evidence) -> float:
    """The point estimate."""
    if estimator.point is not None:
        return estimator.point(evidence)
    return float(evidence.functional.value(evidence.moments.means))


def finished(value: float, bounds: Range, evidence: Evidence, method: str, alpha: float) -> Estimate:
    """An Estimate, infinite bounds as None, and the bounds around the value."""
    exists = math.isfinite(value)
    lower, upper = (min(bounds[0], value), max(bounds[1], value)) if exists else (-math.inf, math.inf)
    return Estimate(
        value if exists else None,
        float(lower) if np.isfinite(lower) else None,
        float(upper) if np.isfinite(upper) else None,
        evidence.moments.n,
        evidence.known.weights.effective_n,
        method,
        alpha,
    )


def table(
    statistics: Statistics, names: tuple[str, ...], bounds: Bounds | None = None, alpha: float = 0.05
) -> dict[str, Estimate]:
    """Every named estimator with its default interval; without support a value of None, never a number."""
    return {name: _or_nothing(name, statistics, bounds, alpha) for name in names}


def _or_nothing(name: str, statistics: Statistics, bounds: Bounds | None, alpha: float) -> Estimate:
    try:
        return estimate(name, statistics, bounds, alpha=alpha)
    except NoSupportError:
        return Estimate(None, None, None, statistics.weights.n, 0.0, f"{name}+no_support", alpha)
