"""What the tests of the routes share."""

from copy import deepcopy
from typing import Any

import pytest

CAMPAIGN: dict[str, Any] = {
    "key": "spring-winback",
    "name": "Spring win-back",
    "clock": "server",
    "currency": "EUR",
    "time_zone": "Europe/Berlin",
    "objective": {"maximise": "net_value", "margin": 0.3},
    "metrics": [{"name": "reengagement", "kinds": ["session", "participation", "conversion"], "aggregate": "any"}],
    "attribution_window": "P7D",
    "decision_window": "P7D",
    "learning_window": None,
    "grace": "PT1H",
    "eligible": {">=": [{"var": "days_inactive"}, 30]},
    "context": {"numeric": ["days_inactive", "orders"], "categorical": ["country"]},
    "arms": [
        {"key": "nothing"},
        {
            "key": "bogo-5",
            "event_type": "bogo",
            "reward_kind": "coupon",
            "reward_amount": 5,
            "reward_cost": 5,
            "cost_on": "redeemed",
            "contact_cost": 0.01,
            "attributes": {"send_hour": 18},
            "payload": {"template": "t1"},
            "eligible": None,
        },
    ],
    "variants": [
        {
            "key": "bandit",
            "share": 0.8,
            "policy": {"name": "squarecb", "floor": 0.02, "params": {}},
            "learn_from": "own",
        },
        {"key": "holdout", "share": 0.2, "policy": {"name": "fixed", "params": {"arm": "nothing"}}},
    ],
    "shadow": [],
    "layer": {"key": "email", "share": 0.5},
    "ramp": [],
    "starts_at": None,
    "ends_at": None,
    "caps": {},
    "budget": None,
    "guardrails": [],
}
"""The contract's own example."""


@pytest.fixture
def campaign() -> dict[str, Any]:
    return deepcopy(CAMPAIGN)
