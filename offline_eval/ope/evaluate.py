"""From sufficient statistics to estimates with intervals."""

import math
from dataclasses import replace

import numpy as np
import scipy
from scipy.special import ndtr

from offline_eval.estimate import Estimate
from offline_eval.intervals import INTERVALS
from offline_eval.intervals.evidence import Evidence, Range
from offline_eval.intervals.known import Bounds, Known
from offline_eval.intervals.partial import partial
from offline_eval.intervals.people import People
from offline_eval.intervals.rule import is_bounded
from offline_eval.intervals.sums import FiveSums
from offline_eval.intervals.trivial import trivial
from offline_eval.moments import Moments
from offline_eval.ope import ESTIMATORS
from offline_eval.ope.bases import WEIGHTS
from offline_eval.ope.errors import NoSupportError
from offline_eval.ope.estimator import MARGINAL, OF_VALUE, Estimator
from offline_eval.ope.gather import Statistics

NEGLIGIBLE, SMALL = 1e-9, 0.01
"""Shares never tried: up to the first nothing is missing; up to the second an estimator's own interval is widened."""


HOPELESS = 1e-6
"""An interval that would have to hold at this part of alpha claims nothing."""


def known_of(statistics: Statistics, bounds: Bounds) -> Known:
    """What the choice of an interval may look at."""
    moments = statistics.moments[WEIGHTS.name]
    people = People.of(moments) if moments.clustered else None
    untried = statistics.untried / max(statistics.weights.n, 1)
    return Known(bounds, statistics.weights, FiveSums.of(moments), people, design_effect(moments), untried)


def design_effect(moments: Moments) -> float:
    """Of the mean weighted reward or of the self-normalised one, whichever is greater; at least 1."""
    means = moments.means
    ratio = np.array([-means[1] / means[0], 1.0, 0.0]) if means[0] else np.zeros(3)
    return max(moments.effect_along(np.array([0.0, 1.0, 0.0])), moments.effect_along(ratio))


def level(known: Known, alpha: float) -> float:
    """The alpha at which a normal quantile is Student's at `alpha`, with the degrees of freedom that people leave.

    0 where one person has nearly everything, so that no interval holds.
    """
    if known.people is None:
        return alpha
    if known.people.freedom <= 0.0:
        return 0.0
    share = float(2.0 * ndtr(-scipy.stats.t.isf(alpha / 2, known.people.freedom)))
    return share if share > HOPELESS * alpha else 0.0


def evidence_of(name: str, statistics: Statistics, bounds: Bounds) -> Evidence:
    """The part of the statistics that the estimator's own intervals read."""
    estimator, known = ESTIMATORS[name], known_of(statistics, bounds)
    moments = statistics.moments[estimator.basis.name]
    if estimator.intervals is MARGINAL:
        known = replace(known, bounds=Bounds(bounds.reward), sums=FiveSums.of(moments))
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

    An interval of the policy's value that happens to miss the point is widened to include it, and all stays inside a
    known reward range. Where a part of what the target would do was never tried, the interval holds the value over
    everybody whatever that part earns (`partial`), so that it is the whole line where rewards have no known limit.
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
    chosen, limits = _limits(estimator, chosen, read, statistics, alpha)
    return finished(point_of(estimator, evidence), limits, evidence, f"{named(estimator, evidence)}+{chosen}", alpha)


def _limits(
    estimator: Estimator, chosen: str, read: Evidence, statistics: Statistics, alpha: float
) -> tuple[str, Range]:
    """Bounds and the name of what gave them: widened by what was never tried and by how few people there are."""
    known, share = read.known, level(read.known, alpha)
    if share <= 0.0:
        return "trivial", trivial(read, alpha)
    if known.untried <= NEGLIGIBLE or not estimator.weighs:
        return chosen, INTERVALS[chosen](read, share)
    if not is_bounded(known) or known.reward_range is None:
        return "trivial", trivial(read, alpha)
    if known.untried > SMALL:
        return "partial", partial(evidence_of("ips", statistics, known.bounds), share)
    lower, upper = INTERVALS[chosen](read, share)
    missing = known.untried * max(known.reward_range[1] - known.reward_range[0], *map(abs, known.reward_range))
    return chosen, (lower - missing, upper + missing)


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
    """An Estimate, infinite bounds as None, the bounds around the value, and all of it inside a known reward range."""
    exists = math.isfinite(value)
    lower, upper = (min(bounds[0], value), max(bounds[1], value)) if exists else (-math.inf, math.inf)
    found = Estimate(
        value if exists else None,
        float(lower) if np.isfinite(lower) else None,
        float(upper) if np.isfinite(upper) else None,
        evidence.moments.n,
        evidence.known.effective_n,
        method,
        alpha,
    )
    return found if evidence.known.reward_range is None else found.held_within(*evidence.known.reward_range)


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
