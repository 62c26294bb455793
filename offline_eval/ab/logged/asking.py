"""How a metric of a weighted log is read."""

from dataclasses import dataclass

from offline_eval.ab.logged.few_events import Limited, beta_limits
from offline_eval.ab.logged.people import people_limits
from offline_eval.ab.logged.side import Bounds, Side

HAJEK, BY_UNIT, EXACT, EXACT_BY_UNIT = "hajek", "hajek_by_unit", "hajek_beta", "hajek_beta_by_unit"


@dataclass(frozen=True, slots=True)
class Ask:
    """How a metric is read: its level, whether it is 0 or 1, and between which bounds it is known to lie."""

    alpha: float
    zero_or_one: bool = False
    bounds: Bounds | None = None


def limits_of(side: Side, bounds: Bounds, alpha: float) -> Limited:
    """One side's mean and its limits, in the metric's own unit."""
    scaled, (low, high) = side.scaled(bounds), bounds
    found = people_limits(scaled, alpha) if side.people is not None else beta_limits(scaled, alpha)
    return Limited(*(low + (high - low) * each for each in found))
