"""Checks on metrics, the objective and when costs fall due."""

from collections.abc import Iterator

from experiments.errors import Fault
from experiments.model.designing.definition import Definition
from experiments.model.designing.kinds import CAPPED_METRICS, COST_METRICS, EVENT_METRICS, MONEY_METRICS


def _metrics(definition: Definition) -> set[str]:
    return {*EVENT_METRICS, *(metric.name for metric in definition.metrics)}


def objective_is_known(definition: Definition) -> Iterator[Fault]:
    """What is maximised has a value for each decision, and is worth having."""
    wanted = definition.objective.maximise
    if wanted == "roi":
        yield Fault("/objective/maximise", "roi is a ratio of totals and has no value for one decision; use net_value")
    elif wanted in COST_METRICS:
        yield Fault("/objective/maximise", f"{wanted} is a cost; use net_value")
    elif wanted in CAPPED_METRICS.values():
        plain = next(name for name, capped in CAPPED_METRICS.items() if capped == wanted)
        yield Fault("/objective/maximise", f"{wanted} is how {plain} is judged; maximise {plain} and state cap_revenue")
    elif wanted != "net_value" and wanted not in _metrics(definition):
        known = ", ".join(sorted({*_metrics(definition), "net_value"}))
        yield Fault("/objective/maximise", f"unknown metric {wanted!r}; known: {known}")


def metrics_are_sound(definition: Definition) -> Iterator[Fault]:
    """Own metrics keep off the fixed names, list a kind once, and look no further than the attribution window."""
    for place, metric in enumerate(definition.metrics):
        where = f"/metrics/{place}"
        if metric.name in MONEY_METRICS:
            yield Fault(f"{where}/name", f"the meaning of {metric.name!r} is fixed; choose another name")
        if len(set(metric.kinds)) < len(metric.kinds):
            yield Fault(f"{where}/kinds", "names a kind twice")
        if metric.within is not None and metric.within > definition.attribution_window:
            yield Fault(f"{where}/within", "is longer than the attribution window; outcomes after it never count")
        if metric.unit is not None and metric.aggregate != "sum":
            plain = metric.model_copy(update={"unit": None}).facts.unit
            yield Fault(f"{where}/unit", f"is for sums only: {metric.aggregate!r} gives a {plain}; leave it out")
        if metric.within is not None and not metric.within:
            yield Fault(f"{where}/within", "must be longer than zero")


def costs_fall_due(definition: Definition) -> Iterator[Fault]:
    """`cost_on` is `decision`, `redeemed`, a kind of outcome, or a metric."""
    kinds = {kind for metric in definition.metrics for kind in metric.kinds}
    known = {"decision", "redeemed", *_metrics(definition), *kinds}
    for place, arm in enumerate(definition.arms):
        if arm.cost_on not in known:
            listed = ", ".join(sorted(known))
            yield Fault(
                f"/arms/{place}/cost_on", f"{arm.cost_on!r} is neither a kind of outcome nor a metric; known: {listed}"
            )
