"""The simulated campaign, without a service: its world, its experiment, its lines, its patience."""

import asyncio

import httpx
import numpy as np
import pytest

from bandit.policies import DEFAULT_POLICY
from cli.demo.calls import Calls
from cli.demo.campaign import LARGE, definition
from cli.demo.tally import Tally
from cli.demo.world import REACTIONS, population
from cli.errors import JobError
from experiments.model.checks import study


def test_the_experiment_has_no_faults_and_no_warnings() -> None:
    reading = study(definition("demo-winback", DEFAULT_POLICY))
    assert not reading.faults
    assert reading.definition is not None
    assert len(reading.definition.arms) == 6


def test_people_are_the_same_for_the_same_seed() -> None:
    assert population(50, 1) == population(50, 1) != population(50, 2)


def test_segments_disagree_about_the_best_offer() -> None:
    people = population(2000, 1)
    offers = [(event, large) for event in REACTIONS["competitor"] for large in (False, True)]
    chances = np.array([[person.chance(event, large) for event, large in offers] for person in people])
    kinds = np.array([person.kind for person in people])
    best = {kind: offers[int(chances[kinds == kind].mean(axis=0).argmax())][0] for kind in REACTIONS}
    assert len(set(best.values())) == 3
    assert chances.max(axis=1).mean() > chances.mean(axis=0).max() + 0.05, "choosing by person beats every single offer"
    assert np.mean([person.chance(None, False) for person in people]) < 0.12


def test_the_line_tells_recent_from_all() -> None:
    tally = Tally()
    for returned in (True, False, False, False):
        tally.count("bandit", returned)
    assert "4 decisions" in tally.line()
    assert "bandit 25.0% (so far 25.0%)" in tally.line()


class Flaky:
    """A server that is away twice before it answers."""

    def __init__(self, status: int) -> None:
        self.status, self.calls = status, 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        if self.calls == 1:
            raise httpx.ConnectError("refused", request=request)
        return httpx.Response(503 if self.calls == 2 else self.status, json={"ok": True})


def calls_to(server: Flaky) -> Calls:
    calls = Calls("http://winback.test", "wb_key")
    calls._client = httpx.AsyncClient(transport=httpx.MockTransport(server), base_url="http://winback.test")
    return calls


def test_calls_are_repeated_until_the_service_is_back() -> None:
    server = Flaky(200)
    assert asyncio.run(calls_to(server).post("/v1/outcomes", [])).json() == {"ok": True}
    assert server.calls == 3


def test_a_refusal_is_not_repeated() -> None:
    server = Flaky(422)
    with pytest.raises(JobError, match="422"):
        asyncio.run(calls_to(server).post("/v1/outcomes", []))
    assert server.calls == 3


def test_large_rewards_are_told_by_their_amount() -> None:
    amounts = {arm["reward_amount"] for arm in definition("k", "uniform")["arms"]}
    assert LARGE in amounts and len(amounts) == 2
