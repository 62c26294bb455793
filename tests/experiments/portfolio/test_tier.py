"""The tier against brute force, in whatever steps it is brought forward; the portfolio against the truth."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from sqlmodel import select

from experiments.jobs import WorkerContext
from experiments.model.access.principal import SYSTEM
from experiments.model.portfolio import DAY
from experiments.model.tables.portfolio import HeldOutAsk, PortfolioUnit
from experiments.model.times import to_rfc3339
from experiments.services import portfolio as service_module
from experiments.services.erasing import erase_unit
from experiments.store.core.engine import reading
from experiments.store.core.lease import Lease
from experiments.store.portfolio import read_sums
from experiments.views.portfolio import portfolio
from tests.experiments.portfolio.world import (
    BOTH,
    DAYS,
    ONE,
    OUTCOME,
    ROUND,
    START,
    World,
    stored_round,
)

END = START + (DAYS + 10) * DAY


def stored(worker: WorkerContext) -> dict[tuple[int, int, str], np.ndarray]:
    with reading(worker.engine) as session:
        found = read_sums(session.connection(), 10**6, 0, "#units")
    return {(day, side, metric): sums for (day, _, side, metric), sums in found.items()}


@pytest.mark.parametrize("seed", range(3))
def test_the_tier_is_what_brute_force_gives_in_any_steps(
    worker: WorkerContext, lease: Lease, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(service_module, "AT_ONCE", 17)
    world, rng = World(150, seed=seed), np.random.default_rng(seed)
    world.write(worker.engine)
    outcomes, rounds = list(world.outcomes), [stored_round(row) for row in world.rounds]
    rng.shuffle(outcomes)  # type: ignore[arg-type]
    for step in range(1, 5):
        cut = [rng.integers(0, len(rows) + 1) if step < 4 else len(rows) for rows in (outcomes, rounds)]
        world.add(worker.engine, OUTCOME, [outcomes.pop() for _ in range(cut[0])])
        world.add(worker.engine, ROUND, rounds[: cut[1]])
        rounds = rounds[cut[1] :]
        at = END if step == 4 else START + step * 4 * DAY
        worker.portfolio.run(lease, at)
        assert worker.portfolio.run(lease, at) == 0
    found, expected = stored(worker), world.sums()
    for key, sums in found.items():
        assert sums == pytest.approx(expected[key]), key
    assert {key for key, sums in expected.items() if sums.any()} == {key for key, sums in found.items() if sums.any()}
    with reading(worker.engine) as session:
        assert session.exec(select(HeldOutAsk)).all() == []
        assert len(session.exec(select(PortfolioUnit)).all()) == 150


def test_overlapping_campaigns_are_not_added_up_twice(worker: WorkerContext, lease: Lease) -> None:
    world = World(7_000, seed=5)
    world.write(worker.engine)
    world.add(worker.engine, OUTCOME, world.outcomes)
    world.add(worker.engine, ROUND, [stored_round(row) for row in world.rounds])
    worker.portfolio.run(lease, END)
    found = portfolio(worker.engine, SYSTEM)
    both = sum(len(asks) > 1 for asks in world.reached.values())
    truth = both * BOTH + (len(world.reached) - both) * ONE
    by_campaign = both * 2 * BOTH + (len(world.reached) - both) * ONE
    gain = found["metrics"]["reengagement"]["total"]
    assert gain["lower"] <= truth <= gain["upper"]
    assert abs(gain["value"] - truth) < abs(gain["value"] - by_campaign)
    assert found["units"] == {"reached": len(world.reached), "held_out": len(world.held)}
    assert [check["status"] for check in found["checks"]] == ["ok", "ok"]
    assert gain["lower"] > 0
    assert "2 campaigns could reach" in found["summary"] and "counted once" in found["summary"]
    assert "came back because of the campaigns" in found["summary"]
    spent = sum(0.5 for _ in world.rounds)
    assert found["money"]["cost"]["value"] == pytest.approx(spent)
    revenue = found["money"]["revenue"]["value"]
    assert found["money"]["net_value"]["value"] == pytest.approx(0.5 * revenue - spent)
    assert found["money"]["margin"] == 0.5


def test_a_part_of_the_time_and_an_open_end(worker: WorkerContext, lease: Lease) -> None:
    world = World(300, seed=9)
    world.write(worker.engine)
    world.add(worker.engine, OUTCOME, world.outcomes)
    world.add(worker.engine, ROUND, [stored_round(row) for row in world.rounds])
    worker.portfolio.run(lease, END)
    whole = portfolio(worker.engine, SYSTEM)
    parts = [
        portfolio(worker.engine, SYSTEM, START - 5 * DAY, START + 9 * DAY),
        portfolio(worker.engine, SYSTEM, START + 9 * DAY, START + 90 * DAY),
    ]
    assert parts[1]["to"] == whole["to"] <= to_rfc3339(END)
    assert parts[1]["units"] == whole["units"]
    spent = [
        part["metrics"]["contact_cost"]["per_unit"]["absolute"]["value"] * part["units"]["reached"] for part in parts
    ]
    assert sum(spent) == pytest.approx(0.5 * len(world.rounds))


def test_missing_units_are_noticed(worker: WorkerContext, lease: Lease) -> None:
    world = World(2000, seed=3)
    world.held = dict(list(world.held.items())[:150])
    world.outcomes = [row for row in world.outcomes if row["unit_id"] in world.held | world.reached]
    world.write(worker.engine)
    world.add(worker.engine, OUTCOME, world.outcomes)
    world.add(worker.engine, ROUND, [stored_round(row) for row in world.rounds])
    worker.portfolio.run(lease, END)
    found = portfolio(worker.engine, SYSTEM)
    assert found["checks"][0]["status"] == "failed" and found["summary"].startswith("Don't trust this")


def test_a_kill_neither_loses_nor_repeats(worker: WorkerContext, lease: Lease, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever transaction fails, the next run goes on where the last commit was."""
    monkeypatch.setattr(service_module, "AT_ONCE", 40)
    world, rng = World(120, seed=4), np.random.default_rng(0)
    world.write(worker.engine)
    world.add(worker.engine, OUTCOME, world.outcomes)
    world.add(worker.engine, ROUND, [stored_round(row) for row in world.rounds])
    original = service_module.tier.move_cursors

    def dying(connection: Any, values: Any) -> None:
        original(connection, values)
        if rng.random() < 0.5:
            raise RuntimeError("killed")

    monkeypatch.setattr(service_module.tier, "move_cursors", dying)
    for _ in range(200):
        try:
            worker.portfolio.run(lease, END)
            break
        except RuntimeError:
            continue
    expected = world.sums()
    for key, sums in stored(worker).items():
        assert sums == pytest.approx(expected[key]), key


def campaign(key: str) -> dict[str, Any]:
    return {
        "key": key, "attribution_window": "PT1M", "grace": "PT1S", "arms": [{"key": "mail", "contact_cost": 1}],
        "eligible": {">": [{"var": "age"}, 20]},
        "variants": [{"key": "all", "share": 1, "policy": {"name": "fixed", "params": {"arm": "mail"}}}],
    }  # fmt: skip


def test_from_the_first_ask_to_the_page(service: Any) -> None:
    client = service.client
    assert client.get("/v1/portfolio").json()["summary"].startswith("There is no global holdout")
    assert client.put("/v1/settings/global-holdout", json={"share": 0.4}).status_code == 200
    for key in ("one", "two"):
        assert client.post("/v1/experiments", json=campaign(key)).status_code == 201
        assert client.post(f"/v1/experiments/{key}/start").status_code == 200
    units = [f"p{place}" for place in range(400)]
    for key in ("one", "two", "one"):
        body = [{"unit_id": unit, "context": {"age": 10 + 40 * (place % 4 > 0)}} for place, unit in enumerate(units)]
        results = client.post(f"/v1/experiments/{key}/assignments/batch", json=body).json()["results"]
        assert client.post(f"/v1/experiments/{key}/assignments?preview=true", json={"unit_id": "x"}).status_code == 200
    reached = [one["unit_id"] for one in results if one["assigned"]]
    now = datetime.now(UTC).isoformat()
    rows = [{"event_id": unit, "unit_id": unit, "kind": "session", "occurred_at": now} for unit in units[::2]]
    assert client.post("/v1/outcomes", json=rows).status_code == 200
    client.portal.call(client.app.state.winback._hot.runtime.store_held_out)
    worker = WorkerContext(service.settings)
    lease = worker.leaseholder.hold()
    later = int(datetime.now(UTC).timestamp() * 1_000_000) + 3 * DAY
    worker.joiner.run(lease, later)
    worker.portfolio.run(lease, later)
    found = client.get("/v1/portfolio")
    assert found.status_code == 200, found.text
    assert found.json()["units"] == {"reached": len(reached), "held_out": 300 - len(reached)}
    assert found.json()["checks"][0]["status"] == "ok"
    assert [each["key"] for each in found.json()["campaigns"]] == ["one", "two"]
    assert found.json()["money"]["cost"]["value"] == pytest.approx(2.0 * len(reached))
    assert client.get("/v1/portfolio?from=2030-01-02T00:00:00Z&to=2030-01-01T00:00:00Z").status_code == 422
    assert client.get("/v1/portfolio?from=yesterday").status_code == 422
    erase_unit(service.engine, SYSTEM, reached[0])
    with reading(worker.engine) as session:
        assert session.get(PortfolioUnit, reached[0]) is None
    worker.close()
