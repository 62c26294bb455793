"""What the tests of the routes share."""

import shutil
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from experiments.settings import Settings
from experiments.store.core.engine import engine_for

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


@pytest.fixture(scope="module")
def sqlite_service(serving, sqlite_template, tmp_path_factory) -> Iterator[Any]:
    """One service on SQLite for a whole module, for tests that change nothing."""
    path = tmp_path_factory.mktemp("service") / "winback.db"
    shutil.copy(sqlite_template, path)
    settings = Settings(database_url=f"sqlite:///{path}", database_timeout=5.0, _env_file=None)
    engine = engine_for(settings)
    with serving(settings, engine) as running:
        yield running
    engine.dispose()
