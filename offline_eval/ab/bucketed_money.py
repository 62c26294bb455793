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
from offline_eval.ab.bucketed_contrast import Look, critical_of, shared_weights
from offline_eval.ab.contrast import Contrast, Sizes, amount_of, note_beside
from offline_eval.ab.fieller import Means
from offline_eval.ab.money import Money, RatioEstimate, ratio_of
from offline_eval.ab.scarcity import FEW
from offline_eval.estimate import Estimate

REENGAGED, NET = "reengagement", "net_value"
COSTS = ("reward_cost", "contact_cost")
AMOUNTS = ("revenue", *COSTS, NET)

Group = Mapping[str, Linearised]
"""Metric → the group, ready for contrasts: AMOUNTS and REENGAGED, and `roi` of the group itself."""


def bucketed_money(
    totals: Mapping[str, float], treated: Group, control: Group | None, lift: Mapping[str, Contrast], look: Look
) -> Money:
    """Money of a group from its `totals` (of AMOUNTS); with a control, what it earned beyond it.

    `lift`: contrasts per decision, as the readout shows them. Ratios of two differences are Fieller's sets with the
    critical value of `look`, so that they hold under the same way of looking as the lifts.
    """
    roi = linearised_mean(treated["roi"], look.alpha)
    own = RatioEstimate(roi, "" if roi.value is not None else "unbounded: nothing was spent")
    costs = sum(totals[name] for name in COSTS)
    spent = {**totals, "margin_revenue": totals[NET] + costs}
    if control is None:
        return Money(spent, own)
    shown = {name: lift[name] for name in (*AMOUNTS, REENGAGED) if name in lift}
    return Money(
        spent,
        own,
        shown,
        _ratio((treated, control), ((NET,), COSTS), "incremental_roi", look),
        _ratio((treated, control), (COSTS, (REENGAGED,)), "cost_per_incremental", look),
    )


def incremental(contrast: Contrast, decisions: int) -> dict[str, Any]:
    """What a group of so many decisions had beyond what it would have had at the control's mean, as JSON.

    `note` says why a bound is null.
    """
    return amount_of(contrast, decisions).as_dict() | note_beside(contrast)


def _ratio(
    pair: tuple[Group, Group], amounts: tuple[tuple[str, ...], tuple[str, ...]], method: str, look: Look
) -> RatioEstimate:
    """The ratio of two differences between treated and control, each a sum of metrics."""
    treated, control = pair
    first, other = treated[REENGAGED], control[REENGAGED]
    sizes, weights = Sizes(first.units, other.units), shared_weights(first, other)
    name = f"fieller:{method}:{look.method}"
    empty = Estimate(None, None, None, sizes.n, sizes.effective_n, name, look.alpha)
    if weights is None:
        return RatioEstimate(empty, "unbounded: one of the groups has no decisions")
    top, bottom = (_difference(pair, names, weights) for names in amounts)
    scale = float(np.count_nonzero(first.used | other.used))
    scale /= scale - 1
    variances = (scale * float(a @ b) for a, b in ((top[1], top[1]), (bottom[1], bottom[1]), (top[1], bottom[1])))
    means = Means(top[0], bottom[0], *variances)
    if amounts[1] == (REENGAGED,) and min(first.events, other.events) < FEW:
        value = means.top / means.bottom if means.bottom > 0 else None
        return RatioEstimate(replace(empty, value=value), f"unbounded: fewer than {FEW} re-engaged in a group")
    return ratio_of(means, critical_of(first, other, look), empty, method)


def _difference(pair: tuple[Group, Group], names: tuple[str, ...], weights: Floats) -> tuple[float, Floats]:
    """Treated minus control of a sum of metrics, and its residuals by bucket."""
    mean, residuals = 0.0, np.zeros(len(next(iter(pair[0].values())).used))
    for sign, group in zip((1.0, -1.0), pair, strict=True):
        for name in names:
            mean += sign * float(weights @ group[name].means)
            residuals = residuals + sign * (weights @ group[name].residuals)
    return mean, residuals
