"""A total that may end inside a batch is announced, goes to whom chance serves first, and its end is told."""

import json
from statistics import mean

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from experiments.model.access.principal import SYSTEM
from experiments.services.batching import ordering, running
from experiments.services.batching.ordering import Order, shuffled_units
from experiments.services.batching.requesting import BatchRequest, claim_batch, request_batch
from experiments.services.batching.running import run_batch
from experiments.services.verifying import verify
from experiments.store.core.engine import transaction
from tests.experiments.batches.base import UNITS, campaign, decided, run, status
from tests.experiments.batches.test_interrupted import _interrupted

ARMS = [{"key": "nothing"}, {"key": "coupon", "reward_cost": 2}]
ALL = [{"key": "v", "share": 1, "policy": {"name": "fixed", "params": {"arm": "coupon"}}}]
BUDGET = {"amount": 301, "pacing": "none"}


def short_of_money(client, **more):
    campaign(client, arms=ARMS, variants=ALL, budget=BUDGET, **more)


@given(st.sets(st.text("ab:é", min_size=1, max_size=4), max_size=40), st.integers(1, 9), st.integers(1, 3))
def test_the_order_goes_on_from_every_place_and_names_everybody_once(units, size, number):
    order = Order(b"salt", number)
    pages = list(shuffled_units(list(units), order, "", size))
    everybody = [unit for _, page in pages for unit in page]
    assert sorted(everybody) == sorted(units)
    done = 0
    for place, page in pages:
        done += len(page)
        rest = shuffled_units(list(units), order, place, size)
        assert [unit for _, page in rest for unit in page] == everybody[done:]


def test_units_that_share_a_place_are_never_parted(monkeypatch):
    monkeypatch.setattr(ordering, "place_in_batch", lambda _salt, _number, name: ord(name) // 4)
    units = list("abcdefghij")
    pages = list(shuffled_units(units, Order(b"salt", 1), "", 3))
    assert [page for _, page in pages] == [list("abc"), list("defg"), list("hij")]
    assert [page for _, page in shuffled_units(units, Order(b"salt", 1), pages[1][0], 3)] == [list("hij")]


def test_each_batch_and_each_experiment_has_an_order_of_its_own():
    units = [f"u{n:03d}" for n in range(200)]
    orders = [Order(b"a", 1), Order(b"a", 2), Order(b"b", 1)]
    found = {tuple(unit for _, page in shuffled_units(units, order, "", 50) for unit in page) for order in orders}
    assert len(found | {tuple(units)}) == 4


def test_a_budget_that_ends_inside_serves_at_random_and_says_so(client, settings, engine, base):
    short_of_money(client)
    asked = client.post("/v1/experiments/win/batches", json={}).json()
    assert asked["warnings"] == [
        "The budget has 301.00 EUR left and may end inside this batch: 1,300 people may be given arms of up to "
        "2,600.00 EUR. Who is served follows a random order."
    ]
    rows = run(settings, engine, asked["id"])
    assert sorted(row["unit_id"] for row in rows) == [f"unit-{n:05d}" for n in range(UNITS)]
    served = [int(row["unit_id"][-5:]) for row in rows if row["arm"] == "coupon"]
    assert len(served) == 150, "to the last reward that it pays for"
    # Of 1,170 people 150 at random: their mean rank has a standard error of 28.
    assert abs(mean(served) - UNITS / 2) < 120
    found = status(client, asked["id"])
    assert found["arms"] == {"coupon": 150, "nothing": 1020}
    assert found["excluded"]["budget"]["decisions"] == 1020
    assert found["excluded"]["budget"]["since"] >= found["started_at"]
    assert verify(engine, SYSTEM, "win").different == 0


@pytest.mark.proof
def test_many_blocks_and_lanes_leave_less_than_the_cheapest_reward(client, settings, engine):
    """22,118 people and a budget of 60,000: between 0 and 6,728 were left before what is lent was settled first."""
    everybody = [{"unit": f"unit-{n:05d}"} for n in range(22_118)]
    with transaction(engine) as session:
        statement = "INSERT INTO units (unit_id, profile, updated_at) VALUES (:unit, '{\"orders\": 1}', 0)"
        session.connection().execute(text(statement), everybody)
    costs = {"nothing": 0, "small": 3, "middle": 5, "large": 8}
    arms = [{"key": arm, "reward_cost": cost} if cost else {"key": arm} for arm, cost in costs.items()]
    campaign(client, arms=arms, budget={"amount": 60_000, "pacing": "none"})
    asked = client.post("/v1/experiments/win/batches", json={}).json()
    run(settings, engine, asked["id"])
    given = status(client, asked["id"])["arms"]
    assert sum(given.values()) == len(everybody)
    assert 0 <= 60_000 - sum(costs[arm] * count for arm, count in given.items()) < 3


def test_enough_money_needs_no_warning(client, settings, engine, base):
    campaign(client, arms=ARMS, variants=ALL, budget={"amount": 2 * UNITS, "pacing": "none"})
    asked = client.post("/v1/experiments/win/batches", json={}).json()
    assert asked["warnings"] == []
    run(settings, engine, asked["id"])
    assert status(client, asked["id"])["arms"] == {"coupon": UNITS * 9 // 10}


def test_the_random_order_is_gone_on_with_and_asks_for_nobody_who_was_erased(
    client, settings, engine, base, monkeypatch
):
    short_of_money(client, decision_window="PT0S", attribution_window="P1D")
    monkeypatch.setattr(running, "PART", 300)
    number = request_batch(engine, SYSTEM, "win", BatchRequest())
    _interrupted(settings, engine, number, monkeypatch)
    part = decided(engine)
    gone = next(unit for n in range(UNITS) if n % 10 and (unit := f"unit-{n:05d}") not in {row[0] for row in part})
    assert client.delete(f"/v1/units/{gone}").status_code < 300
    run(settings, engine, number)
    found = decided(engine)
    assert set(part) <= set(found)
    units = [row[0] for row in found]
    assert gone not in units
    assert len(set(units)) == len(units) == UNITS * 9 // 10 - 1
    assert sum(row[3] == "coupon" for row in found) == 150
    assert sum(status(client, number)["arms"].values()) == len(found)


def test_who_is_erased_while_others_are_decided_is_not_asked_for(client, settings, engine, base, monkeypatch):
    short_of_money(client)
    monkeypatch.setattr("experiments.services.batching.sources.PAGE", 100)
    number = request_batch(engine, SYSTEM, "win", BatchRequest())
    erased = []

    def erases(done, _total):
        if not erased:
            with transaction(engine) as session:
                statement = "DELETE FROM units WHERE unit_id NOT IN (SELECT unit_id FROM decisions)"
                erased.append(session.connection().execute(text(statement)).rowcount)

    run_batch(settings, engine, claim_batch(engine, number), erases)
    assert status(client, number)["done"] < UNITS - erased[0] + 400, "only pages that were under way"


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_files_are_taken_in_a_random_order_too(client, settings, engine, tmp_path, monkeypatch, suffix):
    short_of_money(client)
    monkeypatch.setattr(running, "PART", 300)
    monkeypatch.setattr("experiments.services.batching.sources.PAGE", 100)
    path = tmp_path / f"base{suffix}"
    units = [f"u{n:04d}" for n in range(700)]
    if suffix == ".parquet":
        pq.write_table(pa.table({"unit_id": units, "orders": [1] * len(units)}), path)
    elif suffix == ".csv":
        path.write_text("unit_id,orders\n" + "".join(f"{unit},1\n" for unit in units))
    else:
        path.write_text("".join(json.dumps({"unit_id": unit, "context": {"orders": 1}}) + "\n" for unit in units))
    number = request_batch(engine, SYSTEM, "win", BatchRequest(path=str(path), fingerprint=None))
    (warning,) = status(client, number)["warnings"]
    assert ("700 people" if suffix == ".parquet" else "whose number is not known") in warning
    _interrupted(settings, engine, number, monkeypatch)
    rows = run(settings, engine, number)
    assert [row["unit_id"] for row in rows] != units
    assert sorted(row["unit_id"] for row in rows) == units
    served = [int(row["unit_id"][1:]) for row in rows if row["arm"] == "coupon"]
    assert len(served) == 150
    assert abs(mean(served) - 350) < 80
