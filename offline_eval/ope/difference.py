"""The difference of two policies on one log, from paired influence values."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from offline_eval.estimate import Estimate
from offline_eval.intervals import INTERVALS
from offline_eval.intervals.evidence import Evidence, Range
from offline_eval.intervals.functional import Contrast
from offline_eval.intervals.gamma import mean_bounds
from offline_eval.intervals.known import Bounds, Known, Weights, weights_of
from offline_eval.intervals.rule import (
    ENOUGH_EVENTS,
    FEW_EVENTS,
    default_unbounded,
    is_bounded,
    is_light_for_pairs,
)
from offline_eval.intervals.sums import FiveSums
from offline_eval.intervals.tails import MOST_SKEWED, skewness_apart
from offline_eval.moments import Matrix, Moments, moments_of
from offline_eval.ope import ESTIMATORS
from offline_eval.ope.bases import WEIGHTS
from offline_eval.ope.batch import Batch
from offline_eval.ope.errors import BatchError, NoSupportError
from offline_eval.ope.evaluate import NEGLIGIBLE, finished, known_of, level
from offline_eval.ope.gather import CHUNK, Plan, Statistics, bucket_of, bucket_sums
from offline_eval.ope.rows import Rows

PAIRED = ("normal", "bootstrap", "asymptotic_cs", "trivial")
"""Intervals that use the covariance between the two policies' terms."""

SEPARATE = "empirical_likelihood"
"""Where weights are heavy and rewards bounded: each policy's own interval at alpha / 2, subtracted (Bonferroni)."""

FEW = "gamma"
"""Where few events stand behind the difference: what each policy does more than the other, apart."""


@dataclass(frozen=True, slots=True)
class Excess:
    """What one policy does more than the other: weights (w₁ - w₂)⁺ and their sums."""

    weights: Weights
    sums: FiveSums

    def __add__(self, other: "Excess") -> "Excess":
        return Excess(self.weights + other.weights, self.sums + other.sums)


@dataclass(frozen=True, slots=True)
class Joint:
    """Mergeable joint moments of both policies' bases, stacked, and what each does more than the other."""

    moments: Mapping[str, Moments]
    more: Excess
    less: Excess

    def __add__(self, other: "Joint") -> "Joint":
        moments = {name: part + other.moments[name] for name, part in self.moments.items()}
        return Joint(moments, self.more + other.more, self.less + other.less)


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
        moments[name] = moments_of(columns, sums)
    change = rows[0].weight - rows[1].weight
    return Joint(moments, _excess(change, rows[0].reward), _excess(-change, rows[0].reward))


def _excess(change: Matrix, reward: Matrix) -> Excess:
    weight = np.maximum(change, 0.0)
    return Excess(weights_of(weight, reward), FiveSums.of_rows(weight, reward))


@dataclass(frozen=True)
class Pair:
    """Two policies on one log."""

    joint: Joint
    sides: tuple[Statistics, Statistics]
    bounds: Bounds

    @cached_property
    def known(self) -> tuple[Known, Known]:
        """What is known of each policy."""
        one, two = (known_of(side, self.bounds) for side in self.sides)
        return one, two

    @cached_property
    def excess(self) -> tuple[Known, Known]:
        """What is known of what each does more than the other; a weight can be no larger than the policy's own."""
        both = replace(self.joint.moments[WEIGHTS.name], clustered=self.known[0].clustered)
        effect = both.effect_along(np.array([0.0, 1.0, 0.0, 0.0, -1.0, 0.0]))
        found = zip((self.joint.more, self.joint.less), self.known, strict=True)
        one, two = (
            Known(Bounds(self.bounds.reward, self.bounds.weight), part.weights, part.sums, known.people, effect)
            for part, known in found
        )
        return one, two

    @property
    def widest(self) -> Range:
        """What no difference can exceed."""
        low, high = self.bounds.reward or (-math.inf, math.inf)
        return low - high, high - low

    @property
    def missing(self) -> Range:
        """What the parts that were never tried may add to the difference."""
        one, two = (0.0 if known.untried <= NEGLIGIBLE else known.untried for known in self.known)
        if one == two == 0.0:
            return 0.0, 0.0
        low, high = self.bounds.reward or (-math.inf, math.inf)
        return one * low - two * high if one or two else 0.0, one * high - two * low

    @property
    def skewness(self) -> float:
        """Of the difference, in size."""
        value = sum(known.sums.wr / known.sums.w for known in self.known) / 2
        parts = tuple((part.sums, part.weights.thirds) for part in (self.joint.more, self.joint.less))
        return skewness_apart(parts, value, self.excess[0].effect)

    @property
    def default(self) -> str:
        """Name of the interval: of unbounded rewards the values' own, by the side that claims less, and none where the
        difference has a heavy tail itself."""
        if not is_bounded(self.known[0]):
            values = min(map(default_unbounded, self.known), key=CLAIMS_LESS.index)
            return "trivial" if self.skewness > MOST_SKEWED else values
        events = [sum(known.events[end] for known in self.excess) for end in (0, 1)]
        effective = [sum(known.effective_events[end] for known in self.excess) for end in (0, 1)]
        effect = self.excess[0].effect
        if all(is_light_for_pairs(side.weights, effect) for side in self.sides) and min(effective) >= ENOUGH_EVENTS:
            return "normal"
        if min(events) < FEW_EVENTS or any(side.cells is None for side in self.sides):
            return FEW
        return SEPARATE


CLAIMS_LESS = ("trivial", "asymptotic_cs", "normal")


def difference(
    name: str,
    joint: Joint,
    sides: tuple[Statistics, Statistics],
    bounds: Bounds | None = None,
    interval: str | None = None,
    alpha: float = 0.05,
) -> Estimate:
    """First policy's value minus the second's, with an interval; paired where the weights of both are light.

    Few events: gamma intervals of what each policy does more than the other. Heavy weights with bounded rewards: each
    side's empirical likelihood interval at alpha / 2 (Bonferroni). Unbounded rewards: as the values, by the side that
    claims less. What either policy would do and the log never tried may earn anything in the rewards' range. Raises
    NoSupportError where either policy has no support.
    """
    estimator, bounds = ESTIMATORS[name], bounds or Bounds()
    for side in sides:
        if not estimator.supported(side.moments[estimator.basis.name], side.weights):
            raise NoSupportError(f"{name}: no logged row has an arm that one of the two policies would choose")
    pair = Pair(joint, sides, bounds)
    evidence = _evidence(name, pair)
    own = "normal" if SEPARATE not in estimator.intervals else pair.default
    chosen = interval or own
    if chosen not in (*PAIRED, SEPARATE, FEW):
        raise ValueError(f"interval {chosen!r} is not valid for differences; valid: {', '.join((*PAIRED, SEPARATE))}")
    chosen, limits = _limits(chosen, evidence, name, pair, alpha)
    value = float(evidence.functional.value(evidence.moments.means))
    return finished(value, limits, evidence, f"{name}-difference+{chosen}", alpha)


def _limits(chosen: str, evidence: Evidence, name: str, pair: Pair, alpha: float) -> tuple[str, Range]:
    share, missing = level(evidence.known, alpha), pair.missing
    if share <= 0.0 or chosen == "trivial" or not all(map(math.isfinite, missing)):
        return "trivial", pair.widest
    if missing != (0.0, 0.0):
        lower, upper = _few(pair, share)
        return "partial", (lower + missing[0], upper + missing[1])
    if chosen == SEPARATE:
        return chosen, _separate(pair, share)
    if chosen == FEW:
        return chosen, _few(pair, share)
    return chosen, INTERVALS[chosen](_without_bias(evidence, name, pair.sides), share)


def _evidence(name: str, pair: Pair) -> Evidence:
    estimator = ESTIMATORS[name]
    first, second = (estimator.functional(side.moments[estimator.basis.name]) for side in pair.sides)
    heavier = min(pair.known, key=lambda known: known.effective_n)
    span = None if pair.bounds.reward is None else pair.widest
    known = replace(heavier, bounds=Bounds(span, pair.bounds.weight))
    moments = replace(pair.joint.moments[estimator.basis.name], clustered=heavier.clustered)
    return Evidence(moments, Contrast(first, second), known)


def _without_bias(evidence: Evidence, name: str, sides: tuple[Statistics, Statistics]) -> Evidence:
    estimator = ESTIMATORS[name]
    if estimator.unbiased is None:
        return evidence
    first, second = (estimator.unbiased(side.moments[estimator.basis.name]) for side in sides)
    return replace(evidence, functional=Contrast(first, second))


def _separate(pair: Pair, alpha: float) -> Range:
    limits = []
    for side, known in zip(pair.sides, pair.known, strict=True):
        moments = side.moments[WEIGHTS.name]
        evidence = Evidence(moments, ESTIMATORS["ips"].functional(moments), known, cells=side.cells)
        limits.append(INTERVALS[SEPARATE](evidence, alpha / 2))
    (low, high), (other_low, other_high) = limits
    if not all(map(math.isfinite, (low, high, other_low, other_high))):
        return -math.inf, math.inf
    return low - other_high, high - other_low


def _few(pair: Pair, alpha: float) -> Range:
    """Gamma bounds of both excesses, recovered into bounds of their difference: √ of summed squares of the distances.

    Tang, Ng & Chan, *Confidence interval construction for the difference between two directly standardized rates*,
    Stat. Med. 2010 (MOVER). No row is in both excesses, so that they are independent.
    """
    low, high = pair.bounds.reward or (-math.inf, math.inf)
    if not math.isfinite(high - low):
        return -math.inf, math.inf
    above = sum(known.effective_events[0] for known in pair.excess)
    upwards = above <= sum(known.effective_events[1] for known in pair.excess)
    sums = [known.sums.above(low) if upwards else known.sums.mirrored().above(-high) for known in pair.excess]
    (one, first), (two, second) = (
        (s.wr / s.n, mean_bounds(s, k, alpha)) for s, k in zip(sums, pair.excess, strict=True)
    )
    lower = one - two - math.hypot(one - first[0], second[1] - two)
    upper = one - two + math.hypot(first[1] - one, two - second[0])
    return (lower, upper) if upwards else (-upper, -lower)
