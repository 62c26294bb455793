"""Money: revenue, costs, net value, ROI, incremental ROI, cost per incremental re-engaged user."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from scipy.special import ndtri

from offline_eval.ab.bounded import at_one_look, error_of, of_one_mean
from offline_eval.ab.comparisons.welch import Welch
from offline_eval.ab.contrast import Contrast, Rule, Sizes, unknown
from offline_eval.ab.fieller import Means, RatioSet, fieller
from offline_eval.ab.limited import limited, pull_of, pulls_of
from offline_eval.ab.limits import UNLIMITED, light
from offline_eval.ab.sample import Floats, Sample
from offline_eval.ab.scarcity import FEW
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


NO_REVENUE = "no revenue in the group, which says nothing of how much may come"
_UNBOUNDED = "unbounded: "


@dataclass(frozen=True, slots=True)
class RatioEstimate:
    """A ratio with Fieller's set; where the estimate's bounds are None, `note` says why.

    Its value is None where nothing can be divided by, or where a price is asked of what was not gained. Two different
    reasons for missing bounds: the set was computed and is `unbounded`; or it was not computed, because there is no
    such ratio or there are too few events for a set that holds.
    """

    estimate: Estimate
    note: str = ""
    unbounded: bool = False

    @property
    def not_computed(self) -> bool:
        """Whether there is no set."""
        return bool(self.note) and not self.unbounded

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        flags = {"unbounded": self.unbounded, "not_computed": self.not_computed, "note": self.note}
        return self.estimate.as_dict() | flags


@dataclass(frozen=True, slots=True)
class Money:
    """Of one group, per unit, and against the control.

    Attributes:
        totals: sums over the group's units: revenue, margin_revenue, reward_cost, contact_cost, net_value.
        roi: net value over costs of the group itself; not computed without costs.
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


def money(
    treated: Sample, control: Sample | None, margin: float, alpha: float = 0.05, dearest: float | None = None
) -> Money:
    """Money of a group and, with a control, what it earned beyond it.

    Both samples need the columns value (revenue), reward_cost, contact_cost and reengagement (0/1) by unit: costs and
    outcomes of one unit go together, and the covariances are used. Ratios by Fieller (1954), see `fieller`; one look.
    Returns have no set below 50 units with revenue in a group, nor where revenue is skewed and the samples have no
    limits; within limits the set has the wider of the revenue's critical values. A cost per incremental unit has none
    below 50 re-engaged in a group. Differences by `amount_contrast` and `cost_contrast`; net value is within limits
    where revenue is and `dearest`, the most that one unit can cost, is known. Measured by `benchmarks.claims`, family
    rows: docs/claims.md.
    """
    costs, net = {REWARD_COST: 1.0, CONTACT_COST: 1.0}, parts(margin)["net_value"]
    totals = {name: float(_row(treated, weights) @ treated.mean) * treated.n for name, weights in parts(margin).items()}
    roi = _return(treated, None, (net, costs), "roi", alpha)
    if control is None:
        return Money(totals, roi)
    groups = {name: [each.combined(weights) for each in (treated, control)] for name, weights in parts(margin).items()}
    pairs = zip(groups["net_value"], groups["margin_revenue"], strict=True)
    groups["net_value"] = [_net(each, revenue, dearest) for each, revenue in pairs]
    lift = {
        name: (cost_contrast if name in (REWARD_COST, CONTACT_COST) else amount_contrast)(top, bottom, alpha)
        for name, (top, bottom) in groups.items()
    }
    per_user = _price(treated, control, alpha)
    return Money(totals, roi, lift, _return(treated, control, (net, costs), "incremental_roi", alpha), per_user)


def amount_contrast(treated: Sample, control: Sample, alpha: float) -> Contrast:
    """Of revenue or net value: Welch's, with room for skewness within limits; no bounds of skewed amounts without."""
    found = Welch(alpha).compare(treated, control)
    if light(treated, control) or found.absolute.lower is None:
        return found
    sizes, rule = Sizes(treated.n, control.n), Rule(0.0, alpha, Welch.name)
    return unknown(sizes, rule, treated.value - control.value, UNLIMITED)


def cost_contrast(treated: Sample, control: Sample, alpha: float) -> Contrast:
    """Welch's; no bounds where few costs of a group that vary stand behind it. A group without costs is known not to.

    Costs that count: (Σ c)² / Σ c², exact where all that are not 0 are alike.
    """
    found = Welch(alpha).compare(treated, control)
    counted = [_costs_that_count(sample) for sample in (treated, control) if sample.variance > 0]
    if found.absolute.lower is None or min(counted, default=FEW) >= FEW:
        return found
    note = f"too few: {min(counted):.0f} of the {FEW} costs that a group needs where they vary"
    return unknown(Sizes(treated.n, control.n), Rule(0.0, alpha, Welch.name), found.absolute.value, note)


def _costs_that_count(sample: Sample) -> float:
    square = sample.value**2
    return sample.n * square / (square + float(sample.scatter[0, 0]) / sample.n)


def _net(net: Sample, revenue: Sample, dearest: float | None) -> Sample:
    """Net value: as skewed as the margin's revenue, within its limits less the largest costs where these are known."""
    limits = None if revenue.limits is None or dearest is None else (revenue.limits[0] - dearest, revenue.limits[1])
    spread = float(net.scatter[0, 0])
    cubes = None if math.isinf(revenue.skewness) else revenue.skewness * spread**1.5
    return replace(net, limits=limits, cubes=cubes)


def _price(treated: Sample, control: Sample, alpha: float) -> RatioEstimate:
    """Cost per incremental re-engaged unit: no set where few of a group came back."""
    amounts = ({REWARD_COST: 1.0, CONTACT_COST: 1.0}, {REENGAGED: 1.0})
    found = _ratio(treated, control, amounts, "cost_per_incremental", alpha)
    fewest = min(sample.n * float(sample.mean[sample.index(REENGAGED)]) for sample in (treated, control))
    if found.not_computed or round(fewest) >= FEW:
        return found
    bare = replace(found.estimate, lower=None, upper=None)
    return not_computed(bare, f"fewer than {FEW} re-engaged in a group, too few for bounds")


def _return(
    treated: Sample,
    control: Sample | None,
    amounts: tuple[Mapping[str, float], Mapping[str, float]],
    method: str,
    alpha: float,
) -> RatioEstimate:
    """A ratio with revenue in it: no set where that of the revenue's own mean or difference would not hold."""
    found = _ratio(treated, control, amounts, method, alpha, _critical(treated, control, alpha))
    groups = [sample.with_value_only() for sample in (treated, control) if sample is not None]
    why = "" if light(*(replace(group, binary=False) for group in groups)) else UNLIMITED
    if min(group.events for group in groups) < FEW:
        why = f"fewer than {FEW} with revenue in a group, too few for bounds"
    if not all(group.events for group in groups):
        why = NO_REVENUE
    if not why or found.not_computed:
        return found
    return not_computed(replace(found.estimate, lower=None, upper=None), why)


def _critical(treated: Sample, control: Sample | None, alpha: float) -> float:
    """The wider of the revenue's critical values within limits; without, the normal one."""
    plain = -float(ndtri(alpha / 2))
    spread = treated.variance / max(treated.n, 1)
    if control is None:
        if treated.limits is None or spread <= 0:
            return plain
        sides = of_one_mean(spread, pull_of(treated), plain)
        return float(max(plain, *(side / spread**0.5 for side in sides)))
    means = Means(treated.value, control.value, spread, control.variance / max(control.n, 1))
    if not limited(treated, control) or error_of(means) <= 0:
        return plain
    sides = at_one_look(means, pulls_of(treated, control), plain)
    return float(max(plain, *(side / error_of(means) for side in sides)))


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
    critical: float | None = None,
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
    return ratio_of(means, critical or -float(ndtri(alpha / 2)), empty, method)


def ratio_of(means: Means, critical: float, empty: Estimate, per: str = "") -> RatioEstimate:
    """Fieller's set of a ratio in the form of `empty`, which says all but value and bounds.

    `per`: a key of GAINS, where the denominator is a difference that must be a gain to mean anything: over a loss the
    ratio has neither value nor bounds.
    """
    found, words = fieller(means, critical), GAINS.get(per)
    if means.bottom == 0 and means.bottom_variance == 0:
        return not_computed(empty, "the denominator is 0")
    if words is not None and means.bottom <= 0:
        return not_computed(empty, words.lost) if found.bounded else RatioEstimate(empty, _UNBOUNDED + words.none, True)
    estimate = replace(empty, value=found.value, lower=found.lower, upper=found.upper)
    return RatioEstimate(estimate, "" if found.bounded else _UNBOUNDED + _why(found, means, words), not found.bounded)


def not_computed(empty: Estimate, why: str) -> RatioEstimate:
    """No set, and why; there may be a value all the same."""
    what = "not computed" if empty.value is None else "no bounds"
    return RatioEstimate(empty, f"{what}: {why.removeprefix('no bounds: ')}")


def _why(found: RatioSet, means: Means, words: Words | None) -> str:
    """What to say of an unbounded set."""
    if found.outside is None:
        return "any ratio is compatible with the data"
    low, high = found.outside
    if words is None or not low < 0 < high:
        return f"at most {low:.4g} or at least {high:.4g}, because the denominator may be 0"
    least = f"at least {high:.4g}" if means.top > 0 else f"at most {low:.4g}"
    return f"{least}, because {words.perhaps}"
