"""The experiment that the demo runs: a bandit beside the rules of a marketer and a holdout, with windows of seconds."""

from typing import Any

KEY = "demo-winback"

EVENTS = ("bonus_quest", "discount", "tournament")
SMALL, LARGE = 5.0, 15.0
"""Reward amounts in the experiment's currency."""


def definition(key: str, policy: str) -> dict[str, Any]:
    """The experiment as `POST /v1/experiments` takes it."""
    return {
        "key": key,
        "name": "Demo: bring them back",
        "currency": "EUR",
        "objective": {"maximise": "reengagement"},
        "attribution_window": "PT6S",
        "decision_window": "PT6S",
        "grace": "PT1S",
        "eligible": {">=": [{"var": "days_inactive"}, 30]},
        "context": {
            "numeric": ["days_inactive", "orders", "children", "coupon_share", "matches_played"],
            "categorical": ["country"],
        },
        "arms": [_arm(event, amount) for event in EVENTS for amount in (SMALL, LARGE)],
        "variants": [
            {"key": "bandit", "share": 0.6, "policy": {"name": policy}},
            {"key": "rules", "share": 0.25, "policy": {"name": "rules", "params": MARKETERS_RULES}},
            {"key": "holdout", "share": 0.15, "policy": {"name": "fixed", "params": {"arm": "nothing"}}},
        ],
        "control": "holdout",
    }


MARKETERS_RULES: dict[str, Any] = {
    "default": "bonus-quest-5",
    "rules": [
        {"when": {">": [{"var": "days_inactive"}, 120]}, "arm": "discount-15"},
        {"when": {">=": [{"var": "orders"}, 12]}, "arm": "discount-5"},
    ],
}
"""Sensible and wrong, as such tables are: it knows how long people were away, not what they care about."""


def _arm(event: str, amount: float) -> dict[str, Any]:
    return {
        "key": f"{event.replace('_', '-')}-{amount:g}",
        "event_type": event,
        "reward_kind": "credit",
        "reward_amount": amount,
        "reward_cost": amount,
        "cost_on": "reward_redeemed",
        "contact_cost": 0.02,
        "payload": {"template": f"{event}_{amount:g}"},
    }
