"""The difference of two policies on one log, from paired influence values."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from offline_eval.estimate import Estimate
from offline_eval.intervals import INTERVALS
from offline_eval.intervals.evidence import Evidence, Range
from offline_eval.intervals.functional import Contrast
from offline_eval.intervals.known import Bounds, Known, Weights
from offline_eval.intervals.rule import is_bounded, is_light_for_pairs
from offline_eval.moments import Moments, moments_of
from offline_eval.ope import ESTIMATORS
from offline_eval.ope.batch import Batch
from offline_eval.ope.errors import BatchError, NoSupportError
from offline_eval.ope.evaluate import finished, known_of
from offline_eval.ope.gather import CHUNK, Plan, Statistics, bucket_of, bucket_sums
from offline_eval.ope.rows import Rows

PAIRED = ("normal", "bootstrap", "asymptotic_cs", "trivial")
"""Intervals that use the covariance between the two policies' terms."""

SEPARATE = "empirical_likelihood"
"""Where weights are heavy and rewards bounded: each policy's own interval at alpha / 2, subtracted (Bonferroni)."""


@dataclass(frozen=True, slots=True)
class Joint:
    """Mergeable joint moments of both policies' bases, stacked."""

    moments: Mapping[str, Moments]

    def __add__(self, other: "Joint") -> "Joint":
        return Joint({name: part + other.moments[name] for name, part in self.moments.items()})


def gather_joint(first: Batch, second: Batch, plan: Plan) -> Joint:
    """Joint moments of two target policies on the same rows. Raises BatchError where the rows differ in number."""
    if len(first) != len(second):
        raise BatchError(f"the two policies see {len(first)} and {len(second)} rows; both must see the same log")
    total: Joint | None = None
    for one, two in zip(first.chunks(CHUNK), second.chunks(CHUNK), strict=True):
        part = _chunk(one, two, plan)
        total = part if total is None else total + part
    if total is None:
        raise BatchError("a batch without rows has no statistics")
    return total


def _chunk(one: Batch, two: Batch, plan: Plan) -> Joint:
    keep = plan.buckets or one.unit is not None
    bucket = bucket_of(one)
    rows = Rows(one), Rows(two)
    moments = {}
    for name, basis in plan.bases.items():
        columns = np.vstack([basis.columns(side) for side in rows])
        sums = bucket_sums(columns, one, bucket) if keep else None
        moments[name] = moments_of(columns, sums, one.unit is not None)
    return Joint(moments)


def difference(
    name: str,
    joint: Joint,
    sides: tuple[Statistics, Statistics],
    bounds: Bounds | None = None,
    interval: str | None = None,
    alpha: float = 0.05,
) -> Estimate:
    """First policy's value minus the second's, with an interval; paired where the weights of both are light.

    Heavy weights with bounded rewards: each side's empirical likelihood interval at alpha / 2 (Bonferroni). Heavy
    weights with unbounded rewards: the whole line. Raises NoSupportError where
    either policy has no support.
    """
    estimator = ESTIMATORS[name]
    for side in sides:
        if not estimator.supported(side.moments[estimator.basis.name], side.weights):
            raise NoSupportError(f"{name}: no logged row has an arm that one of the two policies would choose")
    evidence = _evidence(name, joint, sides, bounds or Bounds())
    own = "normal" if SEPARATE not in estimator.intervals else _default(evidence, sides, bounds or Bounds())
    chosen = interval or own
    value = float(evidence.functional.value(evidence.moments.means))
    if chosen == SEPARATE:
        limits = _separate(sides, bounds or Bounds(), alpha)
    elif chosen == "trivial":
        limits = _widest(bounds or Bounds())
    elif chosen in PAIRED:
        limits = INTERVALS[chosen](_without_bias(evidence, name, sides), alpha)
    else:
        raise ValueError(f"interval {chosen!r} is not valid for differences; valid: {', '.join((*PAIRED, SEPARATE))}")
    return finished(value, limits, evidence, f"{name}-difference+{chosen}", alpha)


def _evidence(name: str, joint: Joint, sides: tuple[Statistics, Statistics], bounds: Bounds) -> Evidence:
    estimator = ESTIMATORS[name]
    first, second = (estimator.functional(side.moments[estimator.basis.name]) for side in sides)
    heavier: Weights = min((side.weights for side in sides), key=lambda weights: weights.effective_n)
    known = Known(bounds, heavier, known_of(sides[0], bounds).clustered)
    return Evidence(joint.moments[estimator.basis.name], Contrast(first, second), known)


def _without_bias(evidence: Evidence, name: str, sides: tuple[Statistics, Statistics]) -> Evidence:
    estimator = ESTIMATORS[name]
    if estimator.unbiased is None:
        return evidence
    first, second = (estimator.unbiased(side.moments[estimator.basis.name]) for side in sides)
    return replace(evidence, functional=Contrast(first, second))


def _default(evidence: Evidence, sides: tuple[Statistics, Statistics], bounds: Bounds) -> str:
    light = all(is_light_for_pairs(known_of(side, bounds)) for side in sides)
    if light:
        return "normal"
    if is_bounded(evidence.known) and all(side.cells is not None for side in sides):
        return SEPARATE
    return "trivial"


def _widest(bounds: Bounds) -> Range:
    low, high = bounds.reward or (-math.inf, math.inf)
    return low - high, high - low


def _separate(sides: tuple[Statistics, Statistics], bounds: Bounds, alpha: float) -> Range:
    limits = []
    for side in sides:
        moments = side.moments["weights"]
        evidence = Evidence(moments, ESTIMATORS["ips"].functional(moments), known_of(side, bounds), cells=side.cells)
        limits.append(INTERVALS[SEPARATE](evidence, alpha / 2))
    (low, high), (other_low, other_high) = limits
    if not all(map(math.isfinite, (low, high, other_low, other_high))):
        return -math.inf, math.inf
    return low - other_high, high - other_low
