"""A unit's capped revenue in a revision is min(cap, max(0, its revenue)), however its decisions mature."""

from collections import defaultdict
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Row, delete, select, update

from benchmarks.synthetic_log import START, Shape, write_log
from experiments.jobs import WorkerContext
from experiments.metrics.capping import capped_beside
from experiments.model.access.principal import SYSTEM
from experiments.model.tables.core import Decision, Outcome, Void
from experiments.model.tables.workers import LoggedRound
from experiments.model.times import SECOND, now
from experiments.services.rebuilding import rebuilder as rebuilding
from experiments.store.core.engine import reading, transaction
from experiments.store.core.lease import Lease
from experiments.store.rollups.tiers import read_totals

CAP, MARGIN = 12.0, 0.5
REPEATED = Shape(
    480, repeats=5, forced=0.05, voided=0.06, rejected=0.06, by_unit=0.4, segments=3,
    extra={"objective": {"maximise": "net_value", "margin": MARGIN}, "cap_revenue": CAP},
)  # fmt: skip

amounts = st.floats(-50, 100) | st.integers(-200, 400).map(lambda quarters: quarters / 4)


def expected(revenue: float) -> float:
    return min(CAP, max(0.0, revenue))


@given(st.lists(amounts, max_size=8), st.randoms(use_true_random=False))
def test_a_units_capped_total_is_that_of_its_revenue_in_any_order(spent: list[float], rng: Random) -> None:
    rng.shuffle(spent)
    before, capped, net = 0.0, 0.0, 0.0
    for revenue in spent:
        found = capped_beside({"revenue": revenue, "reward_cost": 2.0}, before, CAP, MARGIN)
        capped, net = capped + found.get("capped_revenue", 0.0), net + found.get("capped_net_value", 0.0)
        before += revenue
    assert capped == pytest.approx(expected(sum(spent)), abs=1e-9)
    assert net == pytest.approx(MARGIN * capped - 2.0 * len(spent), abs=1e-9)


@given(amounts, amounts)
def test_what_lies_within_the_cap_is_the_revenue_to_the_last_bit(before: float, revenue: float) -> None:
    found = capped_beside({"revenue": revenue}, before, CAP, MARGIN)
    if min(before, before + revenue) >= 0 and max(before, before + revenue) <= CAP:
        assert found.get("capped_revenue", 0.0) == revenue
    assert abs(found.get("capped_revenue", 0.0)) <= CAP


def written(worker: WorkerContext, shape: Shape, seed: int) -> None:
    """A log whose decisions mature in an order of its own, with refunds among the payments."""
    write_log(worker.engine, shape)
    rng = np.random.default_rng(seed)
    with transaction(worker.engine) as session:
        connection = session.connection()
        ids = connection.execute(select(Decision.id)).scalars().all()
        for one, seconds in zip(ids, rng.integers(0, 400, len(ids)).tolist(), strict=True):
            at = START + (100 + seconds) * SECOND
            connection.execute(update(Decision).where(Decision.id == one).values(matures_at=at))
        paid = connection.execute(select(Outcome.id).where(Outcome.kind == "revenue")).scalars().all()
        for one in paid[::4]:
            connection.execute(update(Outcome).where(Outcome.id == one).values(value=-3.25))


def rounds(worker: WorkerContext) -> list[Row]:
    columns = (Decision.unit_id, Decision.mode, Void.reason, LoggedRound.metrics)
    query = select(*columns).join(LoggedRound, LoggedRound.decision_id == Decision.id)
    with reading(worker.engine) as session:
        joined = query.join(Void, Void.decision_id == Decision.id, isouter=True).order_by(LoggedRound.seq)
        return list(session.connection().execute(joined))


@pytest.mark.parametrize(("seed", "batch"), [(1, 2048), (2, 7)])
def test_the_joiner_caps_units_in_whatever_order_they_mature(
    worker: WorkerContext, lease: Lease, seed: int, batch: int
) -> None:
    written(worker, REPEATED, seed)
    worker.joiner.batch = batch
    assert worker.joiner.run(lease, now()) == REPEATED.decisions
    spent: dict[str, float] = defaultdict(float)
    capped: dict[str, float] = defaultdict(float)
    for unit, mode, void, metrics in rounds(worker):
        counts = mode != "forced" and void != "replay_rejected"
        assert counts or not any(name.startswith("capped") for name in metrics)
        if counts:
            spent[unit] += metrics.get("revenue", 0.0)
            capped[unit] += metrics.get("capped_revenue", 0.0)
            costs = metrics.get("reward_cost", 0.0) + metrics.get("contact_cost", 0.0)
            assert metrics.get("capped_net_value", 0.0) == MARGIN * metrics.get("capped_revenue", 0.0) - costs
    assert capped == {unit: expected(revenue) for unit, revenue in spent.items()}
    assert max(spent.values()) > CAP
    assert min(spent.values()) < 0
    with reading(worker.engine) as session:
        totals = read_totals(session.connection(), 1)
    assert totals.sums[:, totals.places["capped_revenue"], 1].sum() == sum(capped.values())
    assert rebuilding.compare(worker.engine, SYSTEM, "synthetic", lambda *_: None).agrees


def test_a_decision_that_was_committed_late_takes_what_is_left_of_the_cap(worker: WorkerContext, lease: Lease) -> None:
    """The unit's first decision comes after its second was joined."""
    write_log(worker.engine, replace(REPEATED, forced=0.0, voided=0.0, rejected=0.0))
    with transaction(worker.engine) as session:
        connection = session.connection()
        first = connection.execute(select(Decision.__table__).where(Decision.id == 10**9)).mappings().one()
        connection.execute(delete(Decision).where(Decision.id == 10**9))
        events = [
            {
                "source": "test", "event_id": str(place), "decision_id": 10**9 + place, "kind": "revenue", "value": 8.0,
                "occurred_at": START + 5 * SECOND, "received_at": 0, "received_clock": START + 5 * SECOND,
                "outcome_class": "accepted",
            }
            for place in (0, 1)
        ]  # fmt: skip
        connection.execute(delete(Outcome))
        connection.execute(Outcome.__table__.insert(), events)
    worker.joiner.run(lease, now())
    with transaction(worker.engine) as session:
        session.connection().execute(Decision.__table__.insert(), [dict(first)])
    assert worker.joiner.run(lease, now(), sweep=True) == 1
    with reading(worker.engine) as session:
        query = select(LoggedRound.metrics).where(LoggedRound.decision_id == 10**9)
        assert session.connection().execute(query).scalar_one()["capped_revenue"] == 12.0 - 8.0


def test_without_a_cap_nothing_is_capped(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, replace(REPEATED, extra={"objective": {"maximise": "net_value"}}))
    worker.joiner.run(lease, now())
    assert not any(name.startswith("capped") for *_, metrics in rounds(worker) for name in metrics)
