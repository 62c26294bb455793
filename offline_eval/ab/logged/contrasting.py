"""From a tally to the contrasts of two arms."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtr, stdtrit

from offline_eval.ab.choosing import comparison_for
from offline_eval.ab.comparisons.adjusted import Adjusted
from offline_eval.ab.contrast import Contrast, Rule, Sizes, contrast_of, unknown
from offline_eval.ab.errors import ComparisonError
from offline_eval.ab.fieller import Means
from offline_eval.ab.logged.gathering import MONEY, WHOLE, Segment, Sight, Tally
from offline_eval.ab.means import mean_of
from offline_eval.ab.money import CONTACT_COST, REWARD_COST, Money, money
from offline_eval.ab.sample import Sample
from offline_eval.estimate import Estimate
from offline_eval.moments import BUCKETS, Moments

WEIGHTED = "hajek"


@dataclass(frozen=True)
class Contrasting:
    """Contrasts at one look, since a log is finished."""

    sight: Sight
    tally: Tally
    margin: float = 1.0

    def pair(self, pair: tuple[int, int], metric: str, segment: Segment = WHOLE, alpha: float = 0.05) -> Contrast:
        """Treated minus control. Weighted means where probabilities differ or units repeat."""
        if self.sight.simple:
            samples = [self.sample(arm, metric, segment) for arm in pair]
            return comparison_for(samples[0], samples[1], running=False, alpha=alpha).compare(*samples)
        moments = self.tally.moments.get((segment, pair))
        return weighted(moments, self._place(metric, segment), self._counts(pair), alpha)

    def sample(self, arm: int, metric: str, segment: Segment = WHOLE) -> Sample:
        """A simple log's units of one arm; without covariates. A cost that is 0 or 1 is an amount, not a share."""
        found = self.tally.samples.get((segment, arm, metric), Sample.of([])).with_value_only()
        return replace(found, binary=False) if metric in (REWARD_COST, CONTACT_COST) else found

    def money(self, arm: int, control: int, alpha: float = 0.05) -> Money | None:
        """Money of an arm, against the control unless it is the control; None where it cannot be counted."""
        mine, theirs = (self.tally.samples.get((WHOLE, index, MONEY)) for index in (arm, control))
        if mine is None or theirs is None:
            return None
        return money(mine, None if arm == control else theirs, self.margin, alpha)

    def adjusted(self, pair: tuple[int, int], metric: str, alpha: float = 0.05) -> Contrast | None:
        """With the numeric context as covariates; None where there is none to adjust for."""
        if not self.sight.simple or not self.sight.adjusting or metric != self.sight.metrics[0]:
            return None
        samples = [self.tally.samples.get((WHOLE, arm, metric)) for arm in pair]
        if samples[0] is None or samples[1] is None:
            return None
        try:
            return Adjusted(alpha).compare(samples[0], samples[1])
        except ComparisonError:
            return None

    def mean(self, arm: int, metric: str, control: int, alpha: float = 0.05) -> Estimate:
        """One arm's mean; in weighted logs, over the rows where the control was eligible too."""
        if self.sight.simple:
            return mean_of(self.sample(arm, metric), alpha)
        pair = next(pair for pair in self.sight.pairs if arm in pair and control in pair)
        means, sizes = _means(self.tally.moments[(WHOLE, pair)], self._place(metric, WHOLE)), self._counts(pair)
        side = pair.index(arm)
        n = (sizes.treated, sizes.control)[side]
        if means is None:
            return Estimate(None, None, None, n, 0.0, WEIGHTED, alpha)
        value, variance = ((means.top, means.top_variance), (means.bottom, means.bottom_variance))[side]
        half = float(stdtrit(self._freedom(n), 1 - alpha / 2)) * variance**0.5
        bounds = (value - half, value + half) if half > 0 else (None, None)
        effective = float(self.tally.weights[arm] ** 2 / self.tally.squares[arm])
        return Estimate(value, bounds[0], bounds[1], n, effective, WEIGHTED, alpha)

    def _place(self, metric: str, segment: Segment) -> tuple[int, int]:
        """(position of the metric's weights among a side's columns, columns of a side); its values come next."""
        return 2 * self.sight.metrics.index(metric), 2 * (len(self.sight.metrics) if segment == WHOLE else 1)

    def _counts(self, pair: tuple[int, int]) -> Sizes:
        return Sizes(*(int(self.tally.counts[arm]) for arm in pair))

    def _freedom(self, n: int) -> float:
        return float(BUCKETS - 1 if self.sight.clustered else max(n - 1, 1))


def weighted(moments: Moments | None, place: tuple[int, int], sizes: Sizes, alpha: float) -> Contrast:
    """Difference of two weighted means Σ w y / Σ w, w = 1/p (Hájek 1971), its variance by the delta method.

    Between units' buckets where units have several rows, so that what two arms share through a unit is accounted for.
    """
    rule = Rule(0.0, alpha, WEIGHTED)
    means = _means(moments, place) if moments is not None else None
    if moments is None or means is None:
        return unknown(sizes, rule, None, "too few: an arm was not drawn where both were eligible")
    freedom = float(BUCKETS - 1 if moments.clustered else max(min(sizes.treated, sizes.control) - 1, 1))
    error = max(means.top_variance + means.bottom_variance - 2 * means.covariance, 0.0) ** 0.5
    p_value = 2 * float(stdtr(freedom, -abs(means.top - means.bottom) / error)) if error else None
    return contrast_of(means, sizes, replace(rule, critical=float(stdtrit(freedom, 1 - alpha / 2))), p_value)


def _means(moments: Moments, place: tuple[int, int]) -> Means | None:
    column, width = place
    weights = moments.total[[column, width + column]]
    if moments.n < 2 or (weights <= 0).any():
        return None
    gradient = np.zeros((2, len(moments.total)))
    ratios = moments.total[[column + 1, width + column + 1]] / weights
    for side in range(2):
        gradient[side, side * width + column + 1] = moments.n / weights[side]
        gradient[side, side * width + column] = -ratios[side] * moments.n / weights[side]
    spread = gradient @ moments.covariance_of_means() @ gradient.T
    return Means(float(ratios[0]), float(ratios[1]), float(spread[0, 0]), float(spread[1, 1]), float(spread[0, 1]))
