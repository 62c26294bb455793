"""What a matured decision earned: metrics over its attributed events, and the reward among them.

A new default metric is one line in METRIC_FACTS, and one in MONEY where it is computed from others. Metrics of
an experiment's own come from its definition and may replace a default of the same name.
"""

from collections.abc import Iterable, Mapping

from experiments.metrics.capping import capped_beside
from experiments.metrics.case import Event, Exposure, attributed
from experiments.metrics.events import EventMetric
from experiments.metrics.money import MONEY, PROOFS, Bill
from experiments.model.designing.definition import ArmDefinition, Definition
from experiments.model.designing.kinds import CAPPED_METRICS, METRIC_FACTS
from experiments.model.times import duration_micros

__all__ = [
    "METRICS",
    "MONEY",
    "RATIOS",
    "Event",
    "Exposure",
    "MetricPlan",
    "attributed",
    "join",
    "limits_of",
    "metric_names",
    "shares_of",
]

METRICS: dict[str, EventMetric] = {
    name: EventMetric(frozenset(facts.kinds), facts.aggregate)
    for name, facts in METRIC_FACTS.items()
    if facts.aggregate is not None
}

RATIOS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {"roi": (("net_value",), ("reward_cost", "contact_cost"))}
"""Metrics that exist for groups only: the sum of some totals over the sum of others."""

EVENTLESS_KEPT = 10_000


def metric_names(definition: Definition) -> list[str]:
    """Every metric of the experiment that has a value for each decision."""
    capped = () if definition.cap_revenue is None else CAPPED_METRICS.values()
    return list(dict.fromkeys([*METRICS, *(metric.name for metric in definition.metrics), *MONEY, *capped]))


class MetricPlan:
    """A definition's metrics, resolved once. Pure: what it computes depends on nothing but its arguments."""

    def __init__(self, definition: Definition) -> None:
        own = {
            metric.name: EventMetric(
                frozenset(metric.kinds),
                metric.aggregate,
                None if metric.within is None else duration_micros(metric.within),
            )
            for metric in definition.metrics
        }
        self.objective = definition.objective
        self.cap = definition.cap_revenue
        self.events = METRICS | own
        self._arms = {arm.key: arm for arm in definition.arms_with_nothing}
        self._nobody = ArmDefinition(key="nothing")
        self._eventless: dict[tuple[str, float | None, bool], tuple[float, dict[str, float]]] = {}

    def join(self, exposure: Exposure, events: Iterable[Event]) -> tuple[float, dict[str, float]]:
        """(reward, metrics that are not zero)."""
        counted = attributed(exposure, events) if events else []
        if not counted:
            return self._without_events(exposure)
        return self._valued(exposure, counted)

    def capped(self, metrics: Mapping[str, float], before: float) -> dict[str, float]:
        """The metrics of a decision and the capped ones; its unit had the revenue `before` in the revision."""
        if self.cap is None:
            return dict(metrics)
        return capped_beside(metrics, before, self.cap, self.objective.margin)

    def _without_events(self, exposure: Exposure) -> tuple[float, dict[str, float]]:
        """Most decisions: what they are worth depends on the arm alone, and is computed once."""
        place = (exposure.arm, exposure.reward_cost, exposure.voided)
        known = self._eventless.get(place)
        if known is None:
            if len(self._eventless) >= EVENTLESS_KEPT:
                self._eventless.clear()
            known = self._eventless[place] = self._valued(exposure, [])
        return known[0], known[1].copy()

    def _valued(self, exposure: Exposure, counted: list[Event]) -> tuple[float, dict[str, float]]:
        values = self._event_metrics(exposure, counted) if counted else {}
        values |= self._money(exposure, counted, values)
        metrics = {name: value for name, value in values.items() if value}
        return metrics.get(self.objective.maximise, 0.0), metrics

    def _event_metrics(self, exposure: Exposure, counted: list[Event]) -> dict[str, float]:
        kinds = {event.kind for event in counted}
        return {
            name: metric.compute(exposure, counted)
            for name, metric in self.events.items()
            if not kinds.isdisjoint(metric.kinds)
        }

    def _money(self, exposure: Exposure, counted: list[Event], values: dict[str, float]) -> dict[str, float]:
        arm = self._arms.get(exposure.arm, self._nobody)
        cost = arm.reward_cost if exposure.reward_cost is None else exposure.reward_cost
        reached = not exposure.voided or any(event.kind in PROOFS for event in counted)
        known = dict(values)
        bill = Bill(cost, arm.contact_cost, arm.cost_on, counted, known, self.objective.margin, reached)
        for name, metric in MONEY.items():
            known[name] = metric(bill)
        return {name: known[name] for name in MONEY}


def shares_of(definition: Definition) -> frozenset[str]:
    """Metrics that are 0 or 1 for every decision."""
    return frozenset(name for name, metric in MetricPlan(definition).events.items() if metric.aggregate == "any")


def limits_of(definitions: Iterable[Definition]) -> dict[str, tuple[float, float]]:
    """Metric → the least and the most that one decision can add to it, over all revisions; others have no bound.

    Left out of account: a refund that falls to another decision of the user than its purchase, and manual costs above
    those of the definition.
    """
    found: dict[str, tuple[float, float]] = {}
    for definition in definitions:
        own = dict.fromkeys(shares_of(definition), (0.0, 1.0)) | _capped_limits(definition)
        for name, (least, most) in own.items():
            known = found.get(name, (least, most))
            found[name] = (min(known[0], least), max(known[1], most))
    return found


def _capped_limits(definition: Definition) -> dict[str, tuple[float, float]]:
    cap = definition.cap_revenue
    if cap is None:
        return {}
    costs = max((arm.reward_cost + arm.contact_cost for arm in definition.arms), default=0.0)
    margin = definition.objective.margin
    return {"capped_revenue": (0.0, cap), "capped_net_value": (-costs, max(margin * cap, 1e-9))}


def join(definition: Definition, exposure: Exposure, events: Iterable[Event]) -> tuple[float, dict[str, float]]:
    """(reward, metrics that are not zero) of one matured decision; the order and repetition of events never matter."""
    return MetricPlan(definition).join(exposure, events)
