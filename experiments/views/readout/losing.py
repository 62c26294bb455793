"""What the leading variant earns, what losing variants and arms cost, and what to do about them."""

from collections.abc import Mapping
from typing import Any

from experiments.views.readout.pace import Pace
from offline_eval.ab.telling import evenly
from offline_eval.ab.verdict import Gain, Loss
from offline_eval.estimate import Estimate

Document = dict[str, Any]

ALPHA = 0.05
"""How often any arm at all may be named wrongly in an experiment's life; shared by those that are compared."""


def gain(key: str, control: str, ahead: Estimate, per_day: float | None) -> Gain:
    """Of the leading variant, which is ahead of the control by `ahead`; `per_day` are its decisions in a day."""
    return Gain(key, control, ahead, _a_day(float(ahead.value or 0.0), per_day))


def loss(key: str, leading: str, ahead: Estimate, per_day: float | None) -> Loss:
    """Of a variant that `leading` is ahead of by `ahead`; `per_day` are the variant's decisions in a day."""
    value, lower, upper = (-float(each or 0.0) for each in (ahead.value, ahead.upper, ahead.lower))
    behind = Estimate(value, lower, upper, ahead.n, ahead.effective_n, ahead.method, ahead.alpha)
    return Loss("variant", key, leading, behind, _a_day(value, per_day), f"move its users to {leading}")


def losing_arms(arms: Mapping[str, Document], metric: str, pace: Pace) -> list[Loss]:
    """Arms that are worse than the control arm for certain, from the documents of a readout's arms."""
    compared = {
        (arm, control): versus[metric]
        for arm, document in arms.items()
        for control, versus in document["versus"].items()
        if metric in versus
    }
    found = []
    for (arm, control), one in compared.items():
        estimate, p_value = one["absolute"], one["p_value"]
        certain = p_value is not None and p_value <= ALPHA / len(compared)
        if certain and estimate["upper"] is not None and estimate["upper"] < 0:
            per_day = _a_day(estimate["value"], pace.arms.get(arm))
            found.append(Loss("arm", arm, control, Estimate(**estimate), per_day, f"pause arm {arm}"))
    return found


def _a_day(value: float, decisions: float | None) -> float | None:
    return value * decisions if decisions else None


def gain_told(one: Gain, unit: str) -> str:
    """For people: what it earns a decision and a day. `unit`: "points", a currency, or ""."""
    value, lower, upper = (float(each or 0.0) for each in (one.estimate.value, one.estimate.lower, one.estimate.upper))
    amount, least, most = evenly((value, lower, upper), unit)
    earns = f"{one.key} earns {amount} {unit}".rstrip()
    return f"{earns} a decision more than {one.versus} ({least} to {most}){_priced(one.per_day, unit)}"


def cost_told(one: Loss, unit: str) -> str:
    """For people: what it costs a decision and a day, and what to do. `unit`: "points", a currency, or ""."""
    who = one.key if one.kind == "variant" else f"arm {one.key}"
    e = one.estimate
    amount, least, most = evenly([-float(each or 0.0) for each in (e.value, e.upper, e.lower)], unit)
    costs = f"{amount} {unit}".rstrip()
    a_day = _priced(None if one.per_day is None else -one.per_day, unit)
    return f"{who} costs {costs} a decision against {one.versus} ({least} to {most}){a_day}: {one.action}"


def _priced(per_day: float | None, unit: str) -> str:
    """What an amount comes to in a day."""
    if per_day is None or unit in ("", "points"):
        return ""
    return f", about {per_day:,.{0 if abs(per_day) >= 10 else 2}f} {unit} a day"
