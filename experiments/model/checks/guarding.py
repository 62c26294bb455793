"""Checks on guardrails and stop rules."""

from collections.abc import Iterator

from experiments.errors import Fault
from experiments.model.designing.definition import Definition
from experiments.model.designing.guardrails import control_variant, treated_variant, versus_of
from experiments.model.designing.kinds import CAPPED_METRICS, EVENT_METRICS, MONEY_METRICS

_UNGUARDED = {"roi": "is a ratio of totals; guard net_value or a cost"} | {
    capped: f"is how {plain} is guarded where cap_revenue is stated; guard {plain}"
    for plain, capped in CAPPED_METRICS.items()
}


def guardrails_are_sound(definition: Definition) -> Iterator[Fault]:
    """They name metrics and controls that are there, and no two watch the same."""
    known = {*EVENT_METRICS, *MONEY_METRICS, *(metric.name for metric in definition.metrics)} - set(_UNGUARDED)
    keys = {
        "variant": {variant.key for variant in definition.variants},
        "arm": {arm.key for arm in definition.arms_with_nothing},
    }
    seen: set[tuple[str, str]] = set()
    for place, rule in enumerate(definition.guardrails):
        where = f"/guardrails/{place}"
        if rule.metric not in known:
            yield Fault(f"{where}/metric", f"{rule.metric!r} {_UNGUARDED.get(rule.metric, 'is not a metric')}")
        if rule.versus is not None and rule.versus not in keys[rule.on]:
            yield Fault(f"{where}/versus", f"{rule.versus!r} is not a known {rule.on} of this experiment")
        elif versus_of(definition, rule) is None:
            yield Fault(f"{where}/versus", f"say which {rule.on} to compare with: the experiment has no such control")
        if (rule.metric, rule.on) in seen:
            yield Fault(where, f"{rule.metric!r} on {rule.on}s is guarded twice")
        seen.add((rule.metric, rule.on))


def stop_rules_are_sound(definition: Definition) -> Iterator[Fault]:
    """There is a rule at all, and two variants to compare where a rule compares."""
    stop = definition.stop
    if stop is None:
        return
    if all(getattr(stop, name) is None for name in ("date", "sample", "precision", "futility", "guardrail")):
        yield Fault("/stop", "holds no rule: give date, sample, precision, futility or guardrail")
    keys = {variant.key for variant in definition.variants}
    for name in ("variant", "versus"):
        if getattr(stop, name) is not None and getattr(stop, name) not in keys:
            yield Fault(f"/stop/{name}", f"{getattr(stop, name)!r} is not a variant of this experiment")
    versus = stop.versus or control_variant(definition)
    compares = stop.precision is not None or stop.futility is not None
    if compares and (versus is None or (stop.variant or treated_variant(definition, versus)) in (None, versus)):
        yield Fault("/stop/versus", "precision and futility compare two variants: say which, in variant and versus")
    if stop.guardrail is not None and not definition.guardrails:
        yield Fault("/stop/guardrail", "there are no guardrails to watch")
