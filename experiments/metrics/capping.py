"""Revenue counted up to a cap per unit and revision: what each of the unit's decisions adds to it.

A unit's capped total is min(cap, max(0, its revenue)): a decision adds by how much its own revenue moves that total, so
that the sums over a unit's decisions do not depend on the order in which they mature. Costs are never capped.
"""

from collections.abc import Mapping


def counted(total: float, cap: float) -> float:
    """How much of a unit's total counts."""
    return min(cap, max(total, 0.0))


def capped_beside(metrics: Mapping[str, float], before: float, cap: float, margin: float) -> dict[str, float]:
    """A decision's metrics with `capped_revenue` and `capped_net_value`, those that are zero left out.

    `before`: the unit's revenue from decisions of the revision that matured earlier.
    """
    added = _added(before, metrics.get("revenue", 0.0), cap)
    costs = metrics.get("reward_cost", 0.0) + metrics.get("contact_cost", 0.0)
    found = {"capped_revenue": added, "capped_net_value": margin * added - costs}
    return {**metrics, **{name: value for name, value in found.items() if value}}


def _added(before: float, revenue: float, cap: float) -> float:
    """What is not cut is the revenue itself: a difference of sums would differ from it by rounding."""
    after = before + revenue
    whole = min(before, after) >= 0.0 and max(before, after) <= cap
    return revenue if whole else counted(after, cap) - counted(before, cap)
