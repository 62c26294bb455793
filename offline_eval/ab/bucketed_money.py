"""Money of a group of the totals tier, per decision and beyond the control.

Costs and outcomes of one unit go together. Their covariance is that of the sums by bucket: a unit lies in one bucket
whatever the metric, so that no sums of products of two metrics need be kept (Cochran 1977, section 6: covariance of two
linearised ratios over the same clusters).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from offline_eval.ab.bucketed import Floats, Linearised, linearised_mean
from offline_eval.ab.bucketed_contrast import Look, widest_critical
from offline_eval.ab.bucketed_pair import Paired
from offline_eval.ab.contrast import Contrast, amount_of, note_beside
from offline_eval.ab.fieller import Means
from offline_eval.ab.limits import UNLIMITED, light
from offline_eval.ab.money import GAINS, NO_REVENUE, Money, RatioEstimate, not_computed, ratio_of
from offline_eval.ab.scarcity import FEW
from offline_eval.estimate import Estimate

REENGAGED, NET = "reengagement", "net_value"
COSTS = ("reward_cost", "contact_cost")
AMOUNTS = ("revenue", *COSTS, NET)
CAPPED_REVENUE, CAPPED_NET = "capped_revenue", "capped_net_value"

Group = Mapping[str, Linearised]
"""Metric → the group, ready for contrasts: AMOUNTS and REENGAGED."""


def of_own_decisions(treated: Group, control: Group, decisions: Floats) -> tuple[Group, Group]:
    """Both groups with every revision weighted by the (S,) decisions of the treated one in it.

    A difference of means times the decisions of the revisions that both have is then Σ_r N(t, r) (mean_t - mean_c):
    what the treated group had beyond what it would have had at the control's mean of the same revision.
    """
    treated, control = (
        {name: replace(one, weights=decisions) for name, one in group.items()} for group in (treated, control)
    )
    return treated, control


def bucketed_money(
    totals: Mapping[str, float],
    roi: Linearised,
    pair: tuple[Group, Group] | None,
    lift: Mapping[str, Contrast],
    look: Look,
) -> Money:
    """Money of a group from its `totals` (of AMOUNTS) and its ROI (net value over costs, all revisions pooled).

    With a `pair` of the group and the control, see `of_own_decisions`, what it earned beyond the control; `lift` are
    that pair's contrasts. Ratios of two differences are Fieller's sets with the critical value of `look`, so that they
    hold under the same way of looking as the lifts.
    """
    shown = linearised_mean(roi, look.alpha)
    own = RatioEstimate(shown) if shown.value is not None else not_computed(shown, "nothing was spent")
    if shown.value is not None and not light(roi):
        own = not_computed(shown, UNLIMITED)
    if shown.value is not None and totals["revenue"] == 0:
        own = not_computed(replace(shown, lower=None, upper=None), NO_REVENUE)
    costs = sum(totals[name] for name in COSTS)
    spent = {**totals, "margin_revenue": totals[NET] + costs}
    if pair is None:
        return Money(spent, own)
    return Money(
        spent,
        own,
        {name: lift[name] for name in (*AMOUNTS, REENGAGED) if name in lift},
        _ratio(pair, ((NET,), COSTS), "incremental_roi", look),
        _ratio(pair, (COSTS, (REENGAGED,)), "cost_per_incremental", look),
    )


def incremental(contrast: Contrast, decisions: int) -> dict[str, Any]:
    """What a group of so many decisions had beyond what it would have had at the control's mean, as JSON.

    `note` says why a bound is null.
    """
    return amount_of(contrast, decisions).as_dict() | note_beside(contrast)


def capped_return(pair: tuple[Group, Group], look: Look) -> RatioEstimate:
    """Incremental ROI with each unit's revenue counted up to the cap, over the strata where that was computed.

    The pair as in `bucketed_money`, with CAPPED_REVENUE and CAPPED_NET besides. Both have limits beforehand, so that
    there are bounds however skewed revenue is: Fieller's set with the critical value of net value.
    """
    return _ratio(pair, ((CAPPED_NET,), COSTS), "incremental_roi", look)


def _ratio(
    pair: tuple[Group, Group], amounts: tuple[tuple[str, ...], tuple[str, ...]], method: str, look: Look
) -> RatioEstimate:
    """The ratio of two differences between treated and control, each a sum of metrics."""
    treated, control = pair
    capped = amounts[0] == (CAPPED_NET,)
    first = Paired.of(*(group[CAPPED_NET if capped else REENGAGED] for group in pair))
    sizes, weights = first.sizes, first.weights
    name = f"fieller:{method}:{look.method}"
    empty = Estimate(None, None, None, sizes.n, sizes.effective_n, name, look.alpha)
    if weights is None:
        return not_computed(empty, "there is no revision in which both groups have decisions")
    top, bottom = (_difference(pair, names, weights) for names in amounts)
    scale = (first.buckets + 1) / first.buckets
    variances = (scale * float(a @ b) for a, b in ((top[1], top[1]), (bottom[1], bottom[1]), (top[1], bottom[1])))
    means = Means(top[0], bottom[0], *variances)
    involved = [name for each in amounts for name in each if name not in COSTS or _rarely_due(name, pair)]
    revenue = CAPPED_REVENUE if capped else "revenue"
    rare, what = (REENGAGED, "re-engaged") if amounts[1] == (REENGAGED,) else (revenue, "with revenue")
    if min(treated[rare].events, control[rare].events) < FEW:
        value = means.top / means.bottom if means.bottom > 0 else None
        return not_computed(replace(empty, value=value), f"fewer than {FEW} {what} in a group, too few for bounds")
    critical = widest_critical([Paired.of(treated[name], control[name]) for name in involved], look)
    if critical is None:
        if means.bottom <= 0:
            return not_computed(empty, GAINS[method].lost)
        return not_computed(replace(empty, value=means.top / means.bottom), UNLIMITED)
    return ratio_of(means, critical, empty, method)


def _rarely_due(cost: str, pair: tuple[Group, Group]) -> bool:
    """Whether so few owed the cost that its own critical value is needed too: a reward that hardly anybody redeems."""
    groups = [group[cost] for group in pair]
    return 0 < max(one.events for one in groups) < FEW and all(one.limits is not None for one in groups)


def _difference(pair: tuple[Group, Group], names: tuple[str, ...], weights: Floats) -> tuple[float, Floats]:
    """Treated minus control of a sum of metrics, and its residuals by bucket."""
    mean, residuals = 0.0, np.zeros(len(next(iter(pair[0].values())).used))
    for sign, group in zip((1.0, -1.0), pair, strict=True):
        for name in names:
            mean += sign * float(weights @ group[name].means)
            residuals = residuals + sign * (weights @ group[name].residuals)
    return mean, residuals
