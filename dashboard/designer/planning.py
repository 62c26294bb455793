"""From a definition and what is believed of its audience to a plan, and what a plan means in words."""

from typing import Any, NamedTuple

from bandit.policies import POLICIES
from bandit.rounds import NOTHING
from dashboard.designer.document import Json
from dashboard.designer.edits import holdout_of
from dashboard.format import number, percent

MOST_SIMULATED = 24_000
DAYS = 28
LIFTS = (0.05, 0.1, 0.2)


class Belief(NamedTuple):
    """What is expected: share of users that come back by themselves, the relative lift worth finding, users a day, and
    what one who comes back is worth."""

    base: float = 0.1
    lift: float = 0.1
    per_day: float = 1000.0
    value: float = 10.0


def fixed_test(document: Json, belief: Belief, lift: float | None = None) -> Json | None:
    """A plan of the variants against the control, by users who come back; None with a single variant."""
    variants = document["variants"]
    if len(variants) < 2:
        return None
    control = control_place(document)
    shares = [each["share"] if isinstance(each["share"], int | float) else 0.0 for each in variants]
    treated = 1 - shares[control] / (sum(shares) or 1.0)
    return {
        "metric": {"kind": "proportion", "base": belief.base},
        "test": {
            "relative_effect": belief.lift if lift is None else lift,
            "arms": len(variants) - 1,
            "treated_share": treated,
            "per_day": belief.per_day,
        },
    }


def control_place(document: Json) -> int:
    """The variant that the others are compared with."""
    keys = [each["key"] for each in document["variants"]]
    if document.get("control") in keys:
        return keys.index(document["control"])
    found = holdout_of(document)
    return 0 if found is None else found


def fixed_sentence(plan: Json, belief: Belief) -> str:
    """How long, in words."""
    return (
        f"About {number(plan['days'])} days ({number(plan['n'])} users) to find a lift of "
        f"{percent(belief.lift, signed=True)} on {percent(belief.base)} in four of five cases."
    )


def learned_policies(document: Json) -> list[str]:
    """Names of the variants' policies that learn."""
    found = [each["policy"]["name"] for each in document["variants"]]
    return list(dict.fromkeys(name for name in found if name in POLICIES and POLICIES[name].learned))


def simulation(document: Json, belief: Belief) -> Json | None:
    """A simulated campaign of what learns here beside an even split; None where nothing learns.

    Two kinds of users are supposed who like the offers in opposite order, from no lift up to the one worth finding.
    """
    policies = learned_policies(document)
    offers = [arm for arm in document["arms"] if arm["key"] != NOTHING]
    if not policies or len(offers) < 2:
        return None
    per_day = int(min(max(belief.per_day, 20), 200))
    repeats = max(2, min(10, MOST_SIMULATED // (per_day * DAYS * (len(policies) + 1))))
    steps = [belief.base * (1 + belief.lift * place / (len(offers) - 1)) for place in range(len(offers))]
    segments = [
        {"name": name, "share": 0.5, "context": {"kind": name}, "rates": rates}
        for name, rates in (("one", _rates(offers, steps)), ("other", _rates(offers, steps[::-1])))
    ]
    wanted = ("key", "reward_amount", "reward_cost", "cost_on", "contact_cost")
    return {
        "arms": [{name: arm[name] for name in wanted} for arm in offers],
        "bandit": {
            "per_day": per_day,
            "days": DAYS,
            "replications": repeats,
            "value": belief.value,
            "policies": ["uniform", *policies],
            "segments": segments,
        },
    }


def _rates(offers: list[Any], steps: list[float]) -> dict[str, float]:
    return {arm["key"]: min(step, 1.0) for arm, step in zip(offers, steps, strict=True)}
