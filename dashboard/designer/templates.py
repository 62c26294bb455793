"""Campaigns to start from: complete definitions, so that a test is set up by clicks alone."""

from collections.abc import Callable
from typing import NamedTuple

from bandit.policies import DEFAULT_POLICY
from bandit.rounds import NOTHING
from dashboard.designer.document import Json
from experiments.model.checks import read_definition


class Template(NamedTuple):
    """A start: its name, when to choose it, and what it is made of."""

    title: str
    why: str
    made: Callable[[], Json]


def _arm(key: str, event: str, amount: float, contact: float = 0.01) -> Json:
    reward = {"reward_kind": "coupon", "reward_amount": amount, "reward_cost": amount, "cost_on": "redeemed"}
    return {"key": key, "event_type": event, "contact_cost": contact, **(reward if amount else {})}


def _fixed(key: str, share: float, arm: str) -> Json:
    return {"key": key, "share": share, "policy": {"name": "fixed", "params": {"arm": arm}}}


def _bandit(share: float) -> Json:
    return {"key": "bandit", "share": share, "policy": {"name": DEFAULT_POLICY}}


def _two_rewards() -> Json:
    variants = [_fixed("small", 0.45, "coupon-5"), _fixed("large", 0.45, "coupon-10")]
    return {
        "key": "two-reward-sizes",
        "name": "Two reward sizes",
        "arms": [{"key": NOTHING}, _arm("coupon-5", "email", 5), _arm("coupon-10", "email", 10)],
        "variants": [*variants, _fixed("holdout", 0.1, NOTHING)],
        "control": "holdout",
    }


def _event_types() -> Json:
    arms = [_arm("bogo-5", "bogo", 5), _arm("quest-5", "quest", 5), _arm("discount-5", "discount", 5)]
    return {
        "key": "best-event",
        "name": "Which event for whom",
        "arms": [{"key": NOTHING}, *arms],
        "variants": [_bandit(0.9), _fixed("holdout", 0.1, NOTHING)],
        "control": "holdout",
    }


def _against_rules() -> Json:
    table = [{"when": {">=": [{"var": "days_inactive"}, 60]}, "arm": "coupon-10"}]
    rules = {"name": "rules", "params": {"rules": table, "default": "coupon-5"}}
    return {
        "key": "bandit-against-rules",
        "name": "Bandit against our rules",
        "arms": [{"key": NOTHING}, _arm("coupon-5", "email", 5), _arm("coupon-10", "email", 10)],
        "variants": [
            _bandit(0.45),
            {"key": "marketer", "share": 0.45, "policy": rules},
            _fixed("holdout", 0.1, NOTHING),
        ],
        "control": "holdout",
    }


def _ab() -> Json:
    return {
        "key": "plain-ab",
        "name": "A/B test",
        "arms": [_arm("message-a", "email", 0), _arm("message-b", "email", 0)],
        "variants": [_fixed("a", 0.5, "message-a"), _fixed("b", 0.5, "message-b")],
        "control": "a",
    }


def _one_or_none() -> Json:
    return {
        "key": "reward-or-none",
        "name": "Does the reward pay?",
        "arms": [{"key": NOTHING}, _arm("coupon-5", "email", 5)],
        "variants": [_fixed("reward", 0.8, "coupon-5"), _fixed("holdout", 0.2, NOTHING)],
        "control": "holdout",
    }


TEMPLATES: dict[str, Template] = {
    "two-rewards": Template("Two reward sizes", "Is the larger reward worth its price?", _two_rewards),
    "event-types": Template("Bandit over event types", "Let traffic find which event brings whom back.", _event_types),
    "against-rules": Template("Bandit against rules", "Does learning beat your own table?", _against_rules),
    "ab": Template("Plain A/B", "Two messages, half of the users each.", _ab),
    "one-or-none": Template("One reward or none", "Would they have come back anyway?", _one_or_none),
}
"""Name in the address → template; the first is what a new campaign starts from."""


def started_from(name: str | None) -> Json:
    """A template's definition with every default filled in; the first one's where there is no such template."""
    template = TEMPLATES.get(name or "") or next(iter(TEMPLATES.values()))
    return complete(template.made())


def complete(document: Json) -> Json:
    """A sound definition with every default. Raises InvalidError."""
    return read_definition(document).model_dump(mode="json", exclude={"salt"})
