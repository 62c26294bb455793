"""Whoever derives a pmf under a price on cost derives the same: deciding, verifying, joining, inspector, exports."""

import numpy as np
import pytest
from sqlmodel import select

from experiments.model.access.principal import SYSTEM
from experiments.model.deciding.pricing import priced
from experiments.model.deciding.record import decode_record
from experiments.model.designing.definition import PolicyDefinition
from experiments.model.tables.core import Decision
from experiments.model.tables.limits import Pacing
from experiments.model.tables.workers import LoggedRound
from experiments.services.verifying import verify
from experiments.store.core.engine import reading, transaction
from experiments.views.exports.live_log import live_log

ARMS = ("nothing", "mail", "coupon")
COSTS = {"mail": 0.01, "coupon": 5.01}
PMF = np.array([0.2, 0.3, 0.5])
SPLIT = {"name": "split", "params": {"weights": {"nothing": 1, "mail": 1, "coupon": 2}}}
VARIANTS = [
    {"key": "bandit", "share": 0.4, "policy": {"name": "squarecb", "floor": 0.02}, "learn_from": "all"},
    {"key": "split", "share": 0.3, "policy": SPLIT},
    {"key": "holdout", "share": 0.1, "policy": {"name": "fixed", "params": {"arm": "nothing"}}},
    {"key": "listed", "share": 0.2, "policy": {"name": "listed"}},
]
SHARES = {each["key"]: each["share"] for each in VARIANTS}
SHADOW = [{"key": "even", "policy": {"name": "uniform"}}]


def policy(name: str, **members) -> PolicyDefinition:
    return PolicyDefinition.model_validate({"name": name, **members})


def test_a_price_tilts_what_leaves_a_choice_and_keeps_a_floor():
    tilted = PMF * np.exp(-2.0 * np.array([0.0, 0.01, 5.01]))
    for name in ("uniform", "split"):
        members = {"params": SPLIT["params"]} if name == "split" else {}
        assert priced(PMF, ARMS, 2.0, COSTS, policy(name, **members)) == pytest.approx(tilted / tilted.sum())
    held = priced(PMF, ARMS, 2.0, COSTS, policy("squarecb", floor=0.02))
    assert held.min() == pytest.approx(0.02)
    assert held.sum() == pytest.approx(1.0)
    assert held[0] / held[1] == pytest.approx(0.2 / 0.3, rel=0.1)


def test_a_price_changes_nothing_that_leaves_no_choice():
    fixed = np.array([0.0, 0.0, 1.0])
    assert priced(fixed, ARMS, 2.0, COSTS, policy("fixed", params={"arm": "coupon"})) is fixed
    assert priced(fixed, ARMS, 2.0, COSTS, policy("listed")) is fixed
    for price in (None, 0.0):
        assert priced(PMF, ARMS, price, COSTS, policy("uniform")) is PMF
    assert priced(np.ones(1), ["coupon"], 2.0, COSTS, policy("uniform")).tolist() == [1.0]


@pytest.fixture
def decided(launch, engine, worker, lease):
    """A hundred decisions under a price of 0.4, matured and joined."""
    campaign = launch(
        clock="caller",
        variants=VARIANTS,
        shadow=SHADOW,
        attribution_window="PT1H",
        grace="PT0S",
        budget={"amount": 5000, "ends_at": "2026-01-11T00:00:00Z"},
    )
    price = Pacing(experiment_id=1, clock=0, shadow_price=0.4, expected_costs='{"mail":0.01,"coupon":5.01}', state={})
    with transaction(engine) as session:
        session.add(price)
    asked = [
        {"unit_id": f"u{n}", "idempotency_key": f"b{n}", "at": "2026-01-01T00:00:00Z", "arm": ARMS[n % 3]}
        for n in range(100)
    ]
    campaign.client.post(f"{campaign.path}/assignments/batch", json=asked)
    campaign.ask("late", at="2026-01-02T00:00:00Z", arm="mail")
    assert worker.joiner.run(lease, 0) == 100
    return campaign


def test_every_pmf_under_a_price_is_derived_as_it_was_drawn(decided, engine):
    found = verify(engine, SYSTEM, "e")
    assert (found.checked, found.different) == (101, 0)
    with reading(engine) as session:
        rounds = {row.decision_id: row for row in session.exec(select(LoggedRound))}
        rows = session.exec(select(Decision).where(Decision.id.in_(rounds))).all()
    assert {row.variant for row in rows} == {"bandit", "split", "holdout", "listed"}
    for row in rows:
        record = decode_record(row.record)
        assert (record.shadow_price, record.expected_costs) == (0.4, COSTS)
        even = priced(np.full(3, 1 / 3), record.eligible, 0.4, COSTS, policy("uniform"))
        assert record.shadow["even"] == pytest.approx(even)
        split = priced(np.array([0.25, 0.25, 0.5]), record.eligible, 0.4, COSTS, policy(**SPLIT))
        bandit = priced(np.full(3, 1 / 3), record.eligible, 0.4, COSTS, policy("squarecb", floor=0.02))
        place = record.eligible.index(row.arm)
        chances = {
            "bandit": bandit[place],
            "split": split[place],
            "holdout": float(row.arm == "nothing"),
        }
        assert row.propensity == pytest.approx(chances.get(row.variant, 1.0))
        chances["listed"] = float(row.variant == "listed")  # what the caller would have named is not known
        mixed = sum(share * chances[key] for key, share in SHARES.items())
        assert rounds[row.id].marginal_propensity == pytest.approx(mixed, abs=1e-6)


def test_the_inspector_shows_what_others_would_have_drawn_from_under_the_price(decided):
    items = decided.client.get(f"{decided.path}/decisions?limit=15").json()["items"]
    for item in items:
        document = decided.client.get(f"/v1/decisions/{item['decision_id']}").json()
        others = document["under_other_variants"]
        assert others.keys() == {"bandit", "split", "holdout"} - {document["variant"]}, "what is listed cannot be told"
        for pmf in (others[key] for key in ("bandit", "split") if key in others):
            assert pmf["coupon"] < 0.3 * pmf["mail"]


def test_the_exported_log_holds_what_was_drawn_from(decided, engine):
    rows = [row for batch in live_log(engine, SYSTEM, "e").batches() for row in batch.to_pylist()]
    assert {row["variant"] for row in rows} == {"bandit", "split"}
    for row in rows:
        assert row["propensity"] == row["pmf"][row["eligible"].index(row["arm"])]
        assert row["pmf"][2] < 0.3 * row["pmf"][1]
