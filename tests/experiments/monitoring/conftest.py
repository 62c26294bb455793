"""A campaign whose units unsubscribe by known rates, played through the service, and the worker beside it."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from experiments.jobs import WorkerContext
from experiments.jobs.joining import join
from experiments.jobs.learning import learn
from experiments.jobs.monitoring import monitor

START = datetime(2026, 1, 1, tzinfo=UTC)
FIXED = {"name": "fixed", "params": {"arm": "bold"}}
UNIFORM = {"name": "uniform"}
DEFINITION: dict[str, Any] = {
    "key": "e",
    "salt": "07" * 32,
    "clock": "caller",
    "attribution_window": "PT60S",
    "grace": "PT1S",
    "decision_window": "PT60S",
    "arms": [{"key": "bold"}, {"key": "mild"}, {"key": "plain"}],
    "variants": [
        {"key": "loud", "share": 0.4, "policy": FIXED},
        {"key": "mixed", "share": 0.3, "policy": UNIFORM},
        {"key": "quiet", "share": 0.3, "policy": {"name": "fixed", "params": {"arm": "nothing"}}},
    ],
    "control": "quiet",
    "guardrails": [{"metric": "unsubscribe", "worst": 0.1}],
}


class Play:
    """The experiment over HTTP; every `step` is a minute of new units, their outcomes, and a round of the worker."""

    def __init__(self, service: Any, definition: Mapping[str, Any], seed: int = 0) -> None:
        self.service, self.client, self.key = service, service.client, definition["key"]
        self.path = f"/v1/experiments/{self.key}"
        self.rng, self.minute, self.units = np.random.default_rng(seed), 0, 0
        assert self.client.post("/v1/experiments", json=dict(definition)).status_code == 201
        assert self.client.post(f"{self.path}/start").status_code == 200
        self.worker = WorkerContext(service.settings)

    def step(self, rates: Mapping[str, float], units: int = 300, kind: str = "unsubscribe") -> list[dict[str, Any]]:
        """Decisions of new units at this minute; each unit then does `kind` with its arm's rate."""
        made = self.ask([f"{self.key}-u{self.units + place}" for place in range(units)])
        self.units += units
        happened = [one for one in made if self.rng.random() < rates.get(one["arm"], 0.0)]
        rows = [
            {"event_id": f"{self.key}-{one['decision_id']}", "unit_id": one["unit_id"], "kind": kind,
             "occurred_at": self._instant(self.minute * 60 + 5)} for one in happened
        ]  # fmt: skip
        for start in range(0, len(rows), 500):
            assert self.client.post("/v1/outcomes", json=rows[start : start + 500]).status_code == 200
        self.minute += 2
        self.client.post(f"{self.path}/clock", json={"at": self._instant(self.minute * 60)})
        self.work()
        return made

    def ask(self, units: list[str]) -> list[dict[str, Any]]:
        at = self._instant(self.minute * 60)
        answer = self.client.post(f"{self.path}/assignments/batch", json=[{"unit_id": u, "at": at} for u in units])
        assert answer.status_code == 200, answer.text
        return answer.json()["results"]

    def work(self) -> int:
        join(self.worker)
        learn(self.worker)
        return monitor(self.worker)

    def shown(self) -> dict[str, Any]:
        return self.client.get(self.path).json()

    def guardrails(self) -> dict[str, Any]:
        answer = self.client.get(f"{self.path}/guardrails")
        assert answer.status_code == 200, answer.text
        return {one["subject"]: one for one in answer.json()["guardrails"]}

    def alerts(self, query: str = "") -> list[dict[str, Any]]:
        return self.client.get(f"/v1/alerts{query}").json()["items"]

    def _instant(self, seconds: float) -> str:
        return (START + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


@pytest.fixture
def play(service: Any) -> Iterator[Callable[..., Play]]:
    """Start a campaign with changes to DEFINITION."""
    started: list[Play] = []

    def begin(seed: int = 0, **changes: Any) -> Play:
        started.append(Play(service, {**DEFINITION, **changes}, seed))
        return started[-1]

    yield begin
    for each in started:
        each.worker.close()
