"""A campaign that runs, and short ways to call it."""

from collections.abc import Callable
from typing import Any

import pytest

Body = dict[str, Any]


def campaign(**changes: Any) -> Body:
    """Two variants over three arms; `changes` replace members."""
    learned = {"key": "bandit", "share": 0.7, "policy": {"name": "squarecb", "floor": 0.05}}
    fixed = {"key": "holdout", "share": 0.3, "policy": {"name": "fixed", "params": {"arm": "nothing"}}}
    arms = [{"key": "a", "payload": {"t": 1}}, {"key": "b", "reward_amount": 5}, {"key": "c"}]
    return {"key": "e", "arms": arms, "variants": [learned, fixed]} | changes


class Campaign:
    """A running experiment, called over HTTP."""

    def __init__(self, client: Any, key: str) -> None:
        self.client, self.key = client, key
        self.path = f"/v1/experiments/{key}"

    def ask(self, unit: str, status: int = 200, preview: bool = False, **members: Any) -> Body:
        """Ask for the unit's arm; the answer's document."""
        query = "?preview=true" if preview else ""
        response = self.client.post(f"{self.path}/assignments{query}", json={"unit_id": unit, **members})
        assert response.status_code == status, response.text
        return response.json()

    def ask_many(self, bodies: list[Body]) -> list[Body]:
        """Ask for many; the results."""
        response = self.client.post(f"{self.path}/assignments/batch", json=bodies)
        assert response.status_code == 200, response.text
        return response.json()["results"]

    def move(self, verb: str) -> None:
        """Pause, resume, stop."""
        assert self.client.post(f"{self.path}/{verb}").status_code == 200

    def void(self, decision: Body, status: int = 200, reason: str = "undeliverable") -> Body:
        """Void one decision."""
        response = self.client.post(f"/v1/decisions/{decision['decision_id']}/void", json={"reason": reason})
        assert response.status_code == status, response.text
        return response.json()

    def shown(self, decision: Body) -> Body:
        """The whole record."""
        return self.client.get(f"/v1/decisions/{decision['decision_id']}").json()

    def count(self) -> int:
        """How many decisions are stored (up to 1,000)."""
        return len(self.client.get(f"{self.path}/decisions?limit=1000").json()["items"])


@pytest.fixture
def launch(client: Any) -> Callable[..., Campaign]:
    """Define and start a campaign with changes."""

    def launched(**changes: Any) -> Campaign:
        definition = campaign(**changes)
        response = client.post("/v1/experiments", json=definition)
        assert response.status_code == 201, response.text
        assert client.post(f"/v1/experiments/{definition['key']}/start").status_code == 200
        return Campaign(client, definition["key"])

    return launched
