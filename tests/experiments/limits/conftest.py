"""Campaigns under limits, called over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest

Body = dict[str, Any]
ARMS = [
    {"key": "nothing"},
    {"key": "mail", "contact_cost": 0.01},
    {"key": "coupon", "reward_cost": 5, "contact_cost": 0.01},
]


def limited(**changes: Any) -> Body:
    """One uniform variant over nothing, a mail and a coupon; every key is an epoch."""
    variants = [{"key": "v", "share": 1.0, "policy": {"name": "uniform"}}]
    return {"key": "e", "decision_window": "PT0S", "arms": ARMS, "variants": variants} | changes


class Campaign:
    """A running experiment."""

    def __init__(self, client: Any, key: str) -> None:
        self.client, self.path, self.calls = client, f"/v1/experiments/{key}", 0

    def ask(self, unit: str, status: int = 200, **members: Any) -> Body:
        """A decision for the unit, under a fresh key."""
        self.calls += 1
        body = {"unit_id": unit, "idempotency_key": f"k{self.calls}", **members}
        response = self.client.post(f"{self.path}/assignments", json=body)
        assert response.status_code == status, response.text
        return response.json()

    def many(self, units: list[str], **members: Any) -> list[Body]:
        """Decisions for many units at once."""
        self.calls += len(units)
        bodies = [{"unit_id": unit, "idempotency_key": f"m{self.calls}-{n}", **members} for n, unit in enumerate(units)]
        response = self.client.post(f"{self.path}/assignments/batch", json=bodies)
        assert response.status_code == 200, response.text
        return response.json()["results"]

    def excluded(self, decision: Body) -> dict[str, str]:
        """Why arms were left out."""
        return self.client.get(f"/v1/decisions/{decision['decision_id']}").json()["excluded"]

    def void(self, decision: Body) -> None:
        """It was never delivered."""
        response = self.client.post(f"/v1/decisions/{decision['decision_id']}/void", json={"reason": "undeliverable"})
        assert response.status_code == 200, response.text

    def change(self, **patch: Any) -> None:
        """Edit the definition."""
        response = self.client.patch(self.path, json=patch)
        assert response.status_code == 200, response.text

    def budget(self) -> Body:
        """Where the budget stands."""
        response = self.client.get(f"{self.path}/budget")
        assert response.status_code == 200, response.text
        return response.json()


@pytest.fixture
def launch(client: Any) -> Callable[..., Campaign]:
    """Define and start a campaign with changes."""

    def launched(**changes: Any) -> Campaign:
        definition = limited(**changes)
        response = client.post("/v1/experiments", json=definition)
        assert response.status_code == 201, response.text
        assert client.post(f"/v1/experiments/{definition['key']}/start").status_code == 200
        return Campaign(client, definition["key"])

    return launched
