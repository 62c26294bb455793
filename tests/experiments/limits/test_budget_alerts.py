"""A person is told once that a budget is nearly spent or will be too early, until the budget is changed."""

import pytest

from experiments.model.pacing import DAY, Course, concern

COURSE = Course(amount=100, committed=50, start=0, now=10 * DAY, end=20 * DAY, out=21 * DAY)


@pytest.mark.parametrize(
    ("changes", "decisions", "paced", "expected"),
    [
        ({}, 1000, True, None),
        ({"committed": 95}, 0, True, "spent"),
        ({"committed": 99, "now": 19 * DAY}, 1000, True, None),
        ({"committed": 95, "end": None}, 0, True, "spent"),
        ({"end": None}, 1000, True, None),
        ({"out": 18 * DAY}, 1000, True, "early"),
        ({"out": 18 * DAY}, 99, True, None),
        ({"out": 18 * DAY, "now": 3 * DAY}, 1000, True, None),
        ({"out": 18 * DAY, "now": 3 * DAY}, 1000, False, "early"),
        ({"out": None}, 1000, True, None),
        ({"committed": 100, "now": 20 * DAY}, 1000, True, None),
    ],
)
def test_what_there_is_to_worry_about(changes, decisions, paced, expected):
    assert concern(COURSE._replace(**changes), decisions, paced=paced) == expected


def test_it_is_raised_once_and_resolved_when_the_budget_is_raised(launch, client, worker, lease):
    budget = {"amount": 51, "ends_at": "2026-01-11T00:00:00Z", "pacing": "none"}
    campaign = launch(clock="caller", budget=budget)

    def step(hour: int) -> list[tuple[str, bool]]:
        at = f"2026-01-01T{hour:02d}:00:00Z"
        asked = [{"unit_id": f"u{n}", "idempotency_key": f"b{hour}-{n}", "at": at} for n in range(60)]
        assert client.post(f"{campaign.path}/assignments/batch", json=asked).status_code == 200
        worker.pacer.run(lease, 0)
        found = client.get("/v1/alerts").json()["items"]
        return [(each["title"], each["resolved_at"] is None) for each in reversed(found)]

    assert step(0) == []
    spent = "e: the budget is nearly spent, long before its end"
    assert step(1) == step(2) == [(spent, True)]
    campaign.change(budget=budget | {"amount": 500})
    early = "e: the budget will run out before its end"
    assert step(3) == step(4) == [(spent, False), (early, True)]
    campaign.change(budget=None)
    assert step(5) == [(spent, False), (early, False)]
