"""Means of decisions clustered by unit: ratios of totals over hashed buckets of units, stratified by revision.

Ratio estimator, linearised (Cochran 1977, *Sampling Techniques*, section 6; cluster-robust as in Cameron & Miller
2015, *A Practitioner's Guide to Cluster-Robust Inference*): with Y_sb and D_sb the total and the size of bucket b in
stratum s, R = Σ_s w_s R_s with R_s = Y_s / D_s, and Var R = B / (B - 1) Σ_b (Σ_s w_s (Y_sb - R_s D_sb) / D_s)². A unit
lies in one bucket, so that its decisions, however correlated, never count as independent. Intervals are Student's with
B - 1 degrees of freedom, or, where units have several decisions, with those of the effective number of buckets (see
`concentration`); below one they have no bounds. They claim coverage at one look under allocation that does not react to
outcomes; under a bandit a mean of an arm is biased, and is called naive.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from offline_eval.ab.bounded import Pull, Sides, at_every_look, of_one_mean
from offline_eval.ab.concentration import (
    CONCENTRATED,
    LEAST_FREEDOM,
    ONE_UNIT,
    effective_freedom,
    people_with_events,
    student,
)
from offline_eval.ab.contrast import NO_VARIATION
from offline_eval.ab.exact_by_unit import METHOD as EXACT
from offline_eval.ab.exact_by_unit import exact_share
from offline_eval.ab.limits import UNLIMITED, Limits, light
from offline_eval.ab.scarcity import FEW, scarcer
from offline_eval.estimate import Estimate

Floats = NDArray[np.float64]

METHOD = "bucketed_mean"


@dataclass(frozen=True, slots=True)
class Bucketed:
    """Sums of one metric in one group.

    Attributes:
        totals, sizes: shape (S, B): Y and D by stratum and bucket; a size is a number of decisions, or a cost.
        weights: shape (S,): how much each stratum counts; those of strata without size are shared by the others.
        rounds: decisions in all.
        units: units in all.
        binary: every decision's value is 0 or 1.
        hits: decisions whose value is not 0; None where that is not known.
        limits: between which one unit's total in a revision is known to lie; None: no limit was stated.
    """

    totals: Floats
    sizes: Floats
    weights: Floats
    rounds: int
    units: int
    binary: bool = False
    hits: float | None = None
    limits: Limits | None = None


class Counted(NamedTuple):
    """What stands behind M metrics of a group: rounds and units, and by metric hits, whether it is 0/1, and limits.

    `limits` and `possible` (see `Linearised`) may be left out where no metric has any.
    """

    rounds: int
    units: int
    hits: Floats
    binary: NDArray[np.bool_]
    limits: Sequence[Limits | None] | None = None
    possible: Sequence[Limits | None] | None = None


@dataclass(frozen=True, eq=False)
class Linearised:
    """A group ready for many contrasts: what it is compared with changes nothing of this, and what is asked is kept.

    Attributes:
        means: (S,) ratio in each stratum, 0 where it has no size. present: (S,) where it has.
        residuals: (S, B) (Y - R D) / Σ D by stratum and bucket. sizes: (S, B) D.
        weights: (S,) the strata's. used: (B,) buckets in use.
        rounds, units: of the group. hits: decisions whose value is not 0. binary: every value is 0 or 1.
        limits: between which one unit's total in a revision is known to lie.
        possible: between which the mean is known to lie, from what one decision can add.
        people: units that had an event, told from how many buckets have one; infinite where each has one decision.
    """

    means: Floats
    present: NDArray[np.bool_]
    residuals: Floats
    sizes: Floats
    weights: Floats
    used: NDArray[np.bool_]
    rounds: int
    units: int
    hits: float
    binary: bool
    limits: Limits | None = None
    possible: Limits | None = None
    people: float = math.inf

    @classmethod
    def of(cls, group: Bucketed) -> "Linearised":
        """From a group's sums."""
        hits = group.hits
        if hits is None:
            hits = float(group.totals.sum()) if group.binary else float(group.units)
        counted = Counted(group.rounds, group.units, np.array([hits]), np.array([group.binary]), [group.limits])
        return cls.stack(group.totals[None], group.sizes, group.weights, counted)[0]

    @classmethod
    def stack(cls, totals: Floats, sizes: Floats, weights: Floats, counted: Counted) -> "list[Linearised]":
        """Of M metrics at once that share their sizes (S, B): `totals` has shape (M, S, B)."""
        size = sizes.sum(axis=1)
        present = size != 0
        scale = np.where(present, size, 1.0)
        means = totals.sum(axis=2) / scale
        residuals = (totals - means[:, :, None] * sizes) / scale[:, None]
        used = np.asarray(sizes.any(axis=0))
        rounds, units = counted.rounds, counted.units
        nothing_known = [None] * len(means)
        known = (counted.limits or nothing_known, counted.possible or nothing_known)
        people = np.full(len(means), math.inf)
        if units < rounds:
            people = people_with_events(totals, sizes, counted.binary)
        shared = zip(means, residuals, counted.hits.tolist(), counted.binary.tolist(), *known, people, strict=True)
        return [cls(m, present, r, sizes, weights, used, rounds, units, *rest) for m, r, *rest in shared]

    def pull(self, weights: Floats) -> Pull:
        """How far one unit can move the mean with these (S,) weights of strata. Needs limits and sizes in use.

        A unit of D decisions and total Y moves a stratum's mean by (Y - R D) / Σ D; the largest D of a unit is taken as
        what the largest bucket has beyond the median one.
        """
        if self.limits is None:
            raise ValueError("without limits one unit may move a mean as far as it likes")
        used = weights > 0
        means, sizes = self.means[used], self.sizes[used]
        fewest, most = (1.0, np.ones(len(means))) if self.units == self.rounds else (0.0, _largest(sizes))
        expected = np.stack([means * fewest, means * most])
        each = weights[used] / sizes.sum(axis=1)
        up, down = self.limits[1] - expected.min(axis=0), expected.max(axis=0) - self.limits[0]
        return Pull(float((each * up).max()), float((each * down).max()))

    def widened(self, factor: float) -> "Linearised":
        """The same with `factor` times the variance."""
        return self if factor == 1 else replace(self, residuals=self.residuals * factor**0.5)

    @cached_property
    def own_weights(self) -> Floats:
        """(S,) of the strata with size, adding up to 1. Needs at least one of them."""
        kept = np.where(self.present, self.weights, 0.0)
        return np.asarray(kept / kept.sum())

    @cached_property
    def buckets(self) -> int:
        """In use."""
        return int(np.count_nonzero(self.used))

    @cached_property
    def mean_and_error(self) -> tuple[float, float | None]:
        """The stratified mean over strata with size, and its standard error; None with fewer than two buckets.

        Needs at least one stratum with size.
        """
        weights, used = self.own_weights, self.buckets
        residuals = weights @ self.residuals
        error = math.sqrt(used / (used - 1) * float(residuals @ residuals)) if used > 1 else None
        return float(weights @ self.means), error

    def shares(self, weights: Floats) -> Floats:
        """(B,) of each bucket in the decisions behind the mean with these (S,) weights of strata."""
        size = self.sizes.sum(axis=1)
        return np.asarray((np.where(self.present, weights, 0.0) / np.where(self.present, size, 1.0)) @ self.sizes)

    @property
    def repeated(self) -> bool:
        """Whether units have several decisions."""
        return self.units < self.rounds

    @cached_property
    def freedom(self) -> float:
        """Degrees of freedom of the mean's variance over the strata with size. Needs at least one of them."""
        most = self.buckets - 1
        return min(most, effective_freedom([self.shares(self.own_weights)])) if self.repeated else most

    @cached_property
    def varies(self) -> bool:
        """Whether the buckets differ at all within the strata with size."""
        return bool(np.any(np.where(self.present, self.weights, 0.0) @ self.residuals))

    @cached_property
    def skewness(self) -> float:
        """Of the mean over the strata with size, from the sums by bucket; 0 where nothing varies."""
        residuals = np.where(self.present, self.weights, 0.0) @ self.residuals
        squares = residuals * residuals
        spread = float(squares.sum())
        return float(squares @ residuals) / spread**1.5 if spread > 0 else 0.0

    @cached_property
    def events(self) -> float:
        """Decisions that are not 0, or the non-events of a 0/1 metric where they are fewer; at most the units that have
        them: a hundred events of three people are three."""
        return min(scarcer(self.hits, self.rounds, self.binary), float(self.units), self.people)

    def trials(self, weights: Floats) -> float:
        """Units that weigh alike and know as much of the mean with these (S,) weights of strata, at least one.

        1 / Σ s² over the units' shares s of its decisions, of which the buckets' shares tell: Σ (s_b - 1/B)² over all B
        of them is (1 - 1/B) Σ s² on average, because units come to buckets at random.
        """
        units = float(max(min(self.units, self.rounds), 1))
        if not self.repeated:
            return units
        shares = self.shares(weights)
        spread = shares - shares.mean()
        return max(min(units, (1 - 1 / len(shares)) / max(float(spread @ spread), 1 / units**2)), 1.0)


def _largest(sizes: Floats) -> Floats:
    """(S,) what the largest bucket has beyond the median of those in use, at least one decision."""
    middle = np.array([_median(row[row != 0]) for row in sizes])
    return np.asarray(np.maximum(sizes.max(axis=1) - middle, 1.0))


def _median(values: Floats) -> float:
    """Of a few hundred numbers at most, for which np.median takes ten times as long."""
    ordered = np.sort(values)
    return float(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def bucketed_mean(group: Bucketed, alpha: float = 0.05) -> Estimate:
    """The stratified mean with its interval; value None where there is nothing to divide by.

    `effective_n` is the number of units: a unit's decisions count as one observation.
    """
    return linearised_mean(Linearised.of(group), alpha)


def linearised_mean(group: Linearised, alpha: float = 0.05) -> Estimate:
    """`bucketed_mean` of a group that is also compared; never beyond what is possible."""
    found = _mean(group, alpha)
    return found if group.possible is None else within_reach(found, group.possible)


def within_reach(found: Estimate, possible: Limits) -> Estimate:
    """Bounds within what is possible, though never short of the value: what was seen is possible."""
    if found.value is None:
        return found
    return found.held_within(min(possible[0], found.value), max(possible[1], found.value))


def _mean(group: Linearised, alpha: float) -> Estimate:
    if not group.present.any() or group.rounds == 0:
        return Estimate(None, None, None, group.rounds, 0.0, METHOD, alpha)
    value, error = group.mean_and_error
    events, units = value * group.rounds, float(min(group.units, group.rounds))
    if group.binary and scarcer(events, group.rounds, True) < FEW:
        return _exact(value, group, alpha)
    if error is None or withheld(group):
        return Estimate(value, None, None, group.rounds, units, METHOD, alpha)
    below, above = _sides(group, error, alpha)
    return Estimate(value, value - below, value + above, group.rounds, units, METHOD, alpha)


def withheld(group: Linearised) -> str:
    """Why the group's mean has no interval; "" where it has one, unless few events of a 0/1 metric give it another."""
    if not group.rounds:
        return "no decision counts yet"
    if not group.present.any():
        return "nothing was spent"
    if group.mean_and_error[1] is None:
        return ONE_UNIT
    if group.freedom < LEAST_FREEDOM:
        return CONCENTRATED
    mute = group.limits is None and not group.binary and not group.varies
    return NO_VARIATION if mute else "" if light(group) else UNLIMITED


def _sides(group: Linearised, error: float, alpha: float) -> Sides:
    """Student's; with limits longer by what the third moment may be, and those of every look where events are few."""
    critical = student(group.freedom, alpha)
    if group.limits is None or group.binary:
        return Sides(critical * error, critical * error)
    pull = group.pull(group.own_weights)
    if group.events < FEW:
        return at_every_look(error**2, pull, alpha)
    return of_one_mean(error**2, pull, critical)


def _exact(value: float, group: Linearised, alpha: float) -> Estimate:
    n = group.trials(group.own_weights)
    found = exact_share(value, n, alpha)
    return Estimate(value, found.lower, found.upper, group.rounds, n, EXACT, alpha)
