"""Money: revenue, costs, net value, ROI, incremental ROI, cost per incremental re-engaged user."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from scipy.special import ndtri

from offline_eval.ab.comparisons.welch import Welch
from offline_eval.ab.contrast import Contrast
from offline_eval.ab.fieller import Means, RatioSet, fieller
from offline_eval.ab.sample import Floats, Sample
from offline_eval.estimate import Estimate

REVENUE, REWARD_COST, CONTACT_COST, REENGAGED = "value", "reward_cost", "contact_cost", "reengagement"
"""Columns of a money sample: the value is the unit's revenue."""


class Words(NamedTuple):
    """Why a ratio has no price: the denominator is a loss, is none that can be told from a gain, or may be nothing."""

    lost: str
    none: str
    perhaps: str


GAINS = {
    "cost_per_incremental": Words(
        "the treatment lost re-engaged users, so that no cost brought one more",
        "no more re-engaged than in the control, so that the cost of one more cannot be told",
        "it may be that none more re-engaged",
    ),
    "incremental_roi": Words(
        "it cost less than the control, so that there is no added cost to have a return on",
        "it cost no more than the control, so that a return on added cost cannot be told",
        "it may be that it cost no more than the control",
    ),
}
"""Ratios over a difference between treatment and control."""


@dataclass(frozen=True, slots=True)
class RatioEstimate:
    """A ratio with Fieller's set; the estimate's bounds are None where the set is unbounded, and `note` says so.

    Its value is None where nothing can be divided by, or where a price is asked of what was not gained.
    """

    estimate: Estimate
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return self.estimate.as_dict() | {"unbounded": bool(self.note), "note": self.note}


@dataclass(frozen=True, slots=True)
class Money:
    """Of one group, per unit, and against the control.

    Attributes:
        totals: sums over the group's units: revenue, margin_revenue, reward_cost, contact_cost, net_value.
        roi: net value over costs of the group itself; unbounded without costs.
        lift: contrast per unit of revenue, margin_revenue, reward_cost, contact_cost and net_value.
        incremental_roi: (Δ margin x revenue - Δ cost) / Δ cost.
        cost_per_incremental: Δ cost / Δ re-engaged users; unbounded where the lift in re-engagement may be 0, and
            without a value where it is not above 0.
    """

    totals: Mapping[str, float]
    roi: RatioEstimate
    lift: Mapping[str, Contrast] = field(default_factory=dict)
    incremental_roi: RatioEstimate | None = None
    cost_per_incremental: RatioEstimate | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "totals": dict(self.totals),
            "roi": self.roi.as_dict(),
            "lift": {name: contrast.as_dict() for name, contrast in self.lift.items()},
            "incremental_roi": self.incremental_roi.as_dict() if self.incremental_roi else None,
            "cost_per_incremental": self.cost_per_incremental.as_dict() if self.cost_per_incremental else None,
        }


def parts(margin: float) -> dict[str, dict[str, float]]:
    """Every amount as a linear combination of the columns."""
    costs = {REWARD_COST: 1.0, CONTACT_COST: 1.0}
    return {
        "revenue": {REVENUE: 1.0},
        "margin_revenue": {REVENUE: margin},
        "reward_cost": {REWARD_COST: 1.0},
        "contact_cost": {CONTACT_COST: 1.0},
        "net_value": {REVENUE: margin} | {name: -weight for name, weight in costs.items()},
    }


def money(treated: Sample, control: Sample | None, margin: float, alpha: float = 0.05) -> Money:
    """Money of a group and, with a control, what it earned beyond it.

    Both samples need the columns value (revenue), reward_cost, contact_cost and reengagement (0/1) by unit: costs and
    outcomes of one unit go together, and the covariances are used. Ratios by Fieller (1954), see `fieller`; one look.
    """
    costs, net = {REWARD_COST: 1.0, CONTACT_COST: 1.0}, parts(margin)["net_value"]
    totals = {name: float(_row(treated, weights) @ treated.mean) * treated.n for name, weights in parts(margin).items()}
    roi = _ratio(treated, None, (net, costs), "roi", alpha)
    if control is None:
        return Money(totals, roi)
    lift = {
        name: Welch(alpha).compare(treated.combined(weights), control.combined(weights))
        for name, weights in parts(margin).items()
    }
    per_user = _ratio(treated, control, (costs, {REENGAGED: 1.0}), "cost_per_incremental", alpha)
    return Money(totals, roi, lift, _ratio(treated, control, (net, costs), "incremental_roi", alpha), per_user)


def _row(sample: Sample, weights: Mapping[str, float]) -> Floats:
    row = 0.0 * sample.mean
    for column, weight in weights.items():
        row[sample.index(column)] = weight
    return row


def _ratio(
    treated: Sample,
    control: Sample | None,
    amounts: tuple[Mapping[str, float], Mapping[str, float]],
    method: str,
    alpha: float,
) -> RatioEstimate:
    top, bottom = (_row(treated, amount) for amount in amounts)
    mean, spread = treated.mean.copy(), treated.covariance / max(treated.n, 1)
    n = treated.n
    if control is not None:
        mean, spread, n = mean - control.mean, spread + control.covariance / max(control.n, 1), n + control.n
    means = Means(
        float(top @ mean),
        float(bottom @ mean),
        float(top @ spread @ top),
        float(bottom @ spread @ bottom),
        float(top @ spread @ bottom),
    )
    empty = Estimate(None, None, None, n, float(n), f"fieller:{method}", alpha)
    return ratio_of(means, -float(ndtri(alpha / 2)), empty, method)


def ratio_of(means: Means, critical: float, empty: Estimate, per: str = "") -> RatioEstimate:
    """Fieller's set of a ratio in the form of `empty`, which says all but value and bounds.

    `per`: a key of GAINS, where the denominator is a difference that must be a gain to mean anything: over a loss the
    ratio has neither value nor bounds.
    """
    found, words = fieller(means, critical), GAINS.get(per)
    if words is not None and means.bottom <= 0:
        return RatioEstimate(empty, f"unbounded: {words.lost if found.bounded else words.none}")
    estimate = replace(empty, value=found.value, lower=found.lower, upper=found.upper)
    return RatioEstimate(estimate, _note_of(found, means, words))


def _note_of(found: RatioSet, means: Means, words: Words | None) -> str:
    """What to say of a ratio's set that is not an interval; "" of one that is."""
    if found.bounded:
        return ""
    if means.bottom == 0 and means.bottom_variance == 0:
        return "unbounded: the denominator is 0"
    if found.outside is None:
        return "unbounded: any ratio is compatible with the data"
    low, high = found.outside
    if words is None or not low < 0 < high:
        return f"unbounded: at most {low:.4g} or at least {high:.4g}, because the denominator may be 0"
    least = f"at least {high:.4g}" if means.top > 0 else f"at most {low:.4g}"
    return f"unbounded: {least}, because {words.perhaps}"
