"""The metrics that every experiment has without defining them, and the kinds of outcome beneath: one registry."""

from dataclasses import dataclass
from typing import Literal

Unit = Literal["share", "count", "money", "seconds"]
"""What a metric's value of one decision is in: 0 or 1 (a ratio of amounts likewise), a plain number, the experiment's
currency, or seconds."""

Aggregate = Literal["any", "count", "sum"]


@dataclass(frozen=True, slots=True)
class MetricFacts:
    """What is true of a metric in whatever experiment.

    Attributes:
        label: as a heading.
        better: which direction is good.
        aggregate: over the outcomes of `kinds`; None where it is computed from other metrics.
        is_ratio: whether it exists for groups only, as one total over another.
        capped: the metric that says the same with each unit's revenue counted up to `cap_revenue`; "" where none does.
    """

    unit: Unit
    label: str
    better: Literal["higher", "lower"] = "higher"
    aggregate: Aggregate | None = None
    kinds: tuple[str, ...] = ()
    is_ratio: bool = False
    capped: str = ""

    @property
    def is_cost(self) -> bool:
        """Whether it is money that is spent."""
        return self.unit == "money" and self.better == "lower"

    def as_dict(self) -> dict[str, str]:
        """For documents: what a reader needs to show a value."""
        return {"unit": self.unit, "label": self.label, "better": self.better}


def _any(label: str, *kinds: str, better: Literal["higher", "lower"] = "higher") -> MetricFacts:
    return MetricFacts("share", label, better, "any", kinds)


METRIC_FACTS: dict[str, MetricFacts] = {
    "delivered": _any("Delivered", "delivered"),
    "view": _any("View", "view"),
    "click": _any("Click", "click"),
    "time_spent": MetricFacts("seconds", "Time spent", aggregate="sum", kinds=("time_spent",)),
    "participation": _any("Participation", "participation"),
    "session": _any("Session", "session"),
    "conversion": _any("Conversion", "conversion"),
    "revenue": MetricFacts("money", "Revenue", aggregate="sum", kinds=("revenue",), capped="capped_revenue"),
    "reward_redeemed": _any("Reward redeemed", "reward_redeemed"),
    "unsubscribe": _any("Unsubscribe", "unsubscribe", better="lower"),
    "reengagement": _any("Re-engagement", "session", "participation", "conversion"),
    "reward_cost": MetricFacts("money", "Reward cost", "lower"),
    "contact_cost": MetricFacts("money", "Contact cost", "lower"),
    "net_value": MetricFacts("money", "Net value", capped="capped_net_value"),
    "capped_revenue": MetricFacts("money", "Revenue up to the cap"),
    "capped_net_value": MetricFacts("money", "Net value up to the cap"),
    "roi": MetricFacts("share", "ROI", is_ratio=True),
}

EVENT_METRICS = tuple(name for name, facts in METRIC_FACTS.items() if facts.aggregate)
"""Default metrics over a decision's outcomes; a definition may replace one by its own of the same name."""

OUTCOME_KINDS = tuple(dict.fromkeys(kind for name in EVENT_METRICS for kind in METRIC_FACTS[name].kinds))
"""Kinds of outcome that need no definition. An experimenter's own come on top."""

COST_METRICS = tuple(name for name, facts in METRIC_FACTS.items() if facts.is_cost)

CAPPED_METRICS = {name: facts.capped for name, facts in METRIC_FACTS.items() if facts.capped}
"""What a verdict about money concerns: the same, with each unit's revenue in a revision counted up to `cap_revenue`."""

MONEY_METRICS = tuple(name for name, facts in METRIC_FACTS.items() if not facts.aggregate)
"""Metrics of money, whose meaning is fixed."""


def own_facts(name: str, aggregate: Aggregate, kinds: tuple[str, ...], unit: Unit | None) -> MetricFacts:
    """Of a metric that a definition brings along: sums are in the unit of their kinds, where these have one."""
    known = METRIC_FACTS.get(name)
    label = name.replace("_", " ").strip().capitalize() if known is None else known.label
    better = "higher" if known is None else known.better
    plain: dict[Aggregate, Unit] = {"any": "share", "count": "count"}
    return MetricFacts(unit or plain.get(aggregate) or _unit_of_sum(kinds), label, better, aggregate, kinds)


def _unit_of_sum(kinds: tuple[str, ...]) -> Unit:
    summed: dict[str, Unit] = {
        kind: facts.unit for facts in METRIC_FACTS.values() if facts.aggregate == "sum" for kind in facts.kinds
    }
    found = {summed.get(kind, "count") for kind in kinds}
    return found.pop() if len(found) == 1 else "count"
