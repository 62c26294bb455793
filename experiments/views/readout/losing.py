"""What losing variants and arms cost, and what to do about them."""

from collections.abc import Mapping
from typing import Any

from offline_eval.ab.verdict import Loss
from offline_eval.estimate import Estimate

Face = dict[str, Any]

ALPHA = 0.05
"""How often any arm at all may be named wrongly in an experiment's life; shared by those that are compared."""


def loss(key: str, leading: str, ahead: Estimate, per_day: float | None) -> Loss:
    """Of a variant that `leading` is ahead of by `ahead`; `per_day` are the variant's decisions in a day."""
    value, lower, upper = (-float(each or 0.0) for each in (ahead.value, ahead.upper, ahead.lower))
    behind = Estimate(value, lower, upper, ahead.n, ahead.effective_n, ahead.method, ahead.alpha)
    a_day = None if per_day is None else value * per_day
    return Loss("variant", key, leading, behind, a_day, f"move its users to {leading}")


def losing_arms(arms: Mapping[str, Face], metric: str, days: float | None) -> list[Loss]:
    """Arms that are worse than the control arm for certain, from the faces of a readout's arms."""
    compared = {
        (arm, control): versus[metric]
        for arm, face in arms.items()
        for control, versus in face["versus"].items()
        if metric in versus
    }
    found = []
    for (arm, control), one in compared.items():
        estimate, p_value = one["absolute"], one["p_value"]
        certain = p_value is not None and p_value <= ALPHA / len(compared)
        if certain and estimate["upper"] is not None and estimate["upper"] < 0:
            per_day = arms[arm]["decisions"] / days * estimate["value"] if days else None
            found.append(Loss("arm", arm, control, Estimate(**estimate), per_day, f"pause arm {arm}"))
    return found


def cost_told(one: Loss, unit: str) -> str:
    """For people: what it costs a decision and a day, and what to do. `unit`: "points", a currency, or ""."""
    who = one.key if one.kind == "variant" else f"arm {one.key}"
    e = one.estimate
    value, lower, upper = (-float(each or 0.0) for each in (e.value, e.upper, e.lower))
    if unit == "points":
        value, lower, upper = (100.0 * each for each in (value, lower, upper))
    shown = "{:,.2f}" if unit not in ("", "points") else "{:.3g}"
    amount, least, most = (shown.format(each) for each in (value, lower, upper))
    priced = unit not in ("", "points") and one.per_day is not None
    a_day = f", about {-(one.per_day or 0.0):,.0f} {unit} a day" if priced else ""
    costs = f"{amount} {unit}".rstrip()
    return f"{who} costs {costs} a decision against {one.versus} ({least} to {most}){a_day}: {one.action}"
