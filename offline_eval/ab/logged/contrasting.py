"""From a tally to the contrasts of two arms, and over which rows they are."""

from dataclasses import dataclass, replace
from functools import reduce
from operator import add

from offline_eval.ab.choosing import comparison_for
from offline_eval.ab.comparisons.adjusted import Adjusted
from offline_eval.ab.contrast import Contrast, Rule, Sizes, unknown
from offline_eval.ab.errors import ComparisonError
from offline_eval.ab.heterogeneity import Effect
from offline_eval.ab.limits import light
from offline_eval.ab.logged.asking import HAJEK, Ask
from offline_eval.ab.logged.gathering import MONEY, Tally
from offline_eval.ab.logged.side import Bounds, Side
from offline_eval.ab.logged.sight import WHOLE, Pair, Segment, Sight
from offline_eval.ab.logged.support import Group
from offline_eval.ab.logged.weighing import effect_of, weighted_contrast
from offline_eval.ab.logged.weighted_means import weighted_mean
from offline_eval.ab.logged.weighted_means import why_boundless as why_weighted
from offline_eval.ab.means import mean_of, why_boundless
from offline_eval.ab.money import CONTACT_COST, REWARD_COST, Money, cost_contrast, money
from offline_eval.ab.sample import Sample
from offline_eval.ab.scarcity import DOZENS, scarcer
from offline_eval.estimate import Estimate

NOTHING_IN_COMMON = "nothing in common: in no row could both have been drawn, so that no row compares them"
NOT_DRAWN = "too few: one of them was never drawn where both could have been"
NOT_KNOWN = "of arms drawn together, the log does not hold the probability"


@dataclass(frozen=True)
class Shown:
    """A contrast and its population.

    Attributes:
        common_share: of the (segment's) rows, those where both could have been drawn; None where that is not known.
        most: at most so many; what is known where `common_share` is not.
        effect: the difference and its variance for tests of several contrasts; None with too few events.
    """

    contrast: Contrast
    common_share: float | None
    most: float
    effect: Effect | None = None

    def as_dict(self) -> dict[str, object]:
        """The contrast's form and `common_share`."""
        return self.contrast.as_dict() | {"common_share": self.common_share}


@dataclass(frozen=True)
class Contrasting:
    """Contrasts at one look, since a log is finished.

    Attributes:
        bounds: by metric, between which numbers it is known to lie. shares: metrics that are 0 or 1.
        dearest: the most that one decision can cost; None where that is not known.
    """

    sight: Sight
    tally: Tally
    margin: float = 1.0
    bounds: dict[str, Bounds] | None = None
    shares: frozenset[str] = frozenset()
    dearest: float | None = None

    def pair(self, pair: Pair, metric: str, segment: Segment = WHOLE, alpha: float = 0.05) -> Shown:
        """Treated minus control. Weighted means where probabilities differ or units repeat."""
        return (
            self._plain(pair, metric, segment, alpha)
            if self.sight.simple
            else self._weighted(pair, metric, segment, alpha)
        )

    def _plain(self, pair: Pair, metric: str, segment: Segment, alpha: float) -> Shown:
        treated, control = (self.sample(group, metric, segment) for group in pair)
        return Shown(self._compared(pair, metric, segment, alpha), 1.0, 1.0, _effect(treated, control))

    def _compared(self, pair: Pair, metric: str, segment: Segment, alpha: float) -> Contrast:
        treated, control = (self.sample(group, metric, segment) for group in pair)
        if metric in (REWARD_COST, CONTACT_COST):
            return cost_contrast(treated, control, alpha)
        if light(treated, control) or metric not in self.sight.amounts or min(treated.n, control.n) < 2:
            return comparison_for(treated, control, running=False, alpha=alpha).compare(treated, control)
        top, bottom = (self._amounts(group, metric, segment) for group in pair)
        return weighted_contrast(top, bottom, Ask(alpha))

    def _amounts(self, group: Group, metric: str, segment: Segment = WHOLE) -> Side:
        """A simple log's amounts of some arms, with what tells how heavy their tail is."""
        found = [sums for arm in group if (sums := self.tally.pairs.get((segment, ((arm,), ()))))]
        return Side.of(reduce(add, found), 0, self.sight.amounts.index(metric))

    def _weighted(self, pair: Pair, metric: str, segment: Segment, alpha: float) -> Shown:
        sums, rows = self.tally.pairs.get((segment, pair)), self.tally.rows.get(segment, 0)
        if sums is None:
            return Shown(self._without(alpha, NOT_KNOWN), None, 1.0)
        most = sums.common / max(rows, 1)
        share = most if self.sight.support.known else None
        if not sums.common:
            return Shown(self._without(alpha, NOTHING_IN_COMMON), share, most)
        place = self.sight.metrics.index(metric)
        whole = self.tally.pairs[(WHOLE, pair)]
        top, bottom = (Side.of(sums, side, place, whole) for side in (0, 1))
        if not (top.n and bottom.n):
            return Shown(self._without(alpha, NOT_DRAWN, Sizes(top.n, bottom.n)), share, most)
        ask = self._ask(metric, alpha)
        return Shown(weighted_contrast(top, bottom, ask), share, most, effect_of(top, bottom, ask.zero_or_one))

    def _without(self, alpha: float, why: str, sizes: Sizes | None = None) -> Contrast:
        return unknown(sizes or Sizes(0, 0), Rule(0.0, alpha, HAJEK), None, why)

    def _ask(self, metric: str, alpha: float) -> Ask:
        return Ask(alpha, metric in self.shares, (self.bounds or {}).get(metric))

    def sample(self, group: Group, metric: str, segment: Segment = WHOLE) -> Sample:
        """A simple log's units of some arms; without covariates.

        Whether a metric is 0/1 is known of the whole log: an arm without any revenue has an amount all the same. A cost
        that is 0 or 1 is an amount, not a share.
        """
        found = [self.tally.samples.get((segment, arm, metric), Sample.of([])).with_value_only() for arm in group]
        whole = reduce(add, found)
        share = metric in self.shares and metric not in (REWARD_COST, CONTACT_COST)
        return whole.with_share(share).within((self.bounds or {}).get(metric))

    def money(self, arm: int, control: int, alpha: float = 0.05) -> Money | None:
        """Money of an arm, against the control unless it is the control; None where it cannot be counted."""
        mine, theirs = (self.tally.samples.get((WHOLE, index, MONEY)) for index in (arm, control))
        if mine is None or theirs is None:
            return None
        limits = (self.bounds or {}).get("revenue")
        mine, theirs = mine.with_share(False).within(limits), theirs.with_share(False).within(limits)
        found = money(mine, None if arm == control else theirs, self.margin, alpha, self.dearest)
        # The same numbers as in the table of metrics, where they are over the same units.
        lift = {
            name: self.pair(((arm,), (control,)), name, alpha=alpha).contrast
            for name in found.lift
            if name in self.sight.metrics and self.sample((arm,), name).n == mine.n
        }
        return replace(found, lift={**found.lift, **lift})

    def adjusted(self, pair: Pair, metric: str, alpha: float = 0.05) -> Contrast | None:
        """With the numeric context as covariates; None where there is none to adjust for."""
        if not self.sight.simple or not self.sight.adjusting or metric != self.sight.metrics[0]:
            return None
        samples = [self.tally.samples.get((WHOLE, group[0], metric)) for group in pair]
        if samples[0] is None or samples[1] is None:
            return None
        try:
            return Adjusted(alpha).compare(samples[0], samples[1])
        except ComparisonError:
            return None

    def mean(self, arm: int, metric: str, control: int, alpha: float = 0.05) -> tuple[Estimate, str]:
        """One arm's mean, and why it has no bounds where it has none.

        In weighted logs, over the rows where it and the control could have been drawn.
        """
        if self.sight.simple:
            sample = self.sample((arm,), metric)
            if not light(sample) and metric in self.sight.amounts and sample.n > 1:
                return self._weighted_mean(self._amounts((arm,), metric), Ask(alpha))
            found = mean_of(sample, alpha)
            return found, why_boundless(sample) if found.lower is None else ""
        sums, ask = self.tally.pairs[(WHOLE, self.alone(arm, control))], self._ask(metric, alpha)
        return self._weighted_mean(Side.of(sums, 0, self.sight.metrics.index(metric)), ask)

    def _weighted_mean(self, side: Side, ask: Ask) -> tuple[Estimate, str]:
        found = weighted_mean(side, ask)
        return found, why_weighted(side, ask) if found.lower is None else ""

    def share(self, arm: int, control: int) -> tuple[float | None, float]:
        """(share of all rows that an arm's mean is over, None where it is not known, what it is at most)."""
        if self.sight.simple:
            return 1.0, 1.0
        most = self.tally.pairs[(WHOLE, self.alone(arm, control))].common / max(self.tally.n, 1)
        return (most if self.sight.support.known else None), most

    def alone(self, arm: int, control: int) -> Pair:
        """The pair in whose rows an arm's mean is taken: the control's own where it is the control."""
        return ((arm,), ()) if arm == control else ((arm,), (control,))


def _effect(treated: Sample, control: Sample) -> Effect | None:
    events = [scarcer(sample.events, sample.n, sample.binary) for sample in (treated, control)]
    if min(events) < DOZENS:
        return None
    variance = treated.variance / treated.n + control.variance / control.n
    return Effect(treated.value - control.value, variance)
