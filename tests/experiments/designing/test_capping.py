"""Caps on revenue: proposed from what units have spent, taken at the start, stored with the revision."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlmodel import Session

from benchmarks.synthetic_log import Shape, write_log
from experiments.jobs import WorkerContext
from experiments.model.access.principal import SYSTEM
from experiments.model.designing.capping import LEAST_SPENDERS, Spending, needs_cap, proposal_from, rounded_up
from experiments.model.designing.definition import Definition
from experiments.model.history import HISTORY
from experiments.model.tables.core import Revision
from experiments.model.tables.profiles import HistoryPart
from experiments.model.times import DAY, now
from experiments.services.designing.definitions import change_experiment, create_experiment, validate_experiment
from experiments.services.designing.steering import move_experiment
from experiments.services.limits.capping import proposal_told, propose_cap, propose_cap_at_start
from experiments.store.core.engine import reading, transaction
from experiments.store.core.lease import Lease
from experiments.store.units.activity import write_part

MONEY = {
    "key": "spring",
    "objective": {"maximise": "net_value", "margin": 0.3},
    "arms": [{"key": "nothing"}, {"key": "mail"}],
    "variants": [
        {"key": "mails", "share": 0.5, "policy": {"name": "fixed", "params": {"arm": "mail"}}},
        {"key": "holdout", "share": 0.5, "policy": {"name": "fixed", "params": {"arm": "nothing"}}},
    ],
}


def pay(engine: Engine, folder: Path, amounts: np.ndarray, seed: int = 0) -> None:
    """Two payments of a unit in one window of seven days, which make up its amount; one of another window in ten."""
    n = len(amounts)
    start = 2_900 * 7 * DAY
    table = pa.table(
        {
            "event_key": pa.array(range(2 * n), pa.uint64()),
            "unit_id": [f"u{place}" for place in range(n)] * 2,
            "occurred_at": pa.array([start + DAY] * n + [start + 3 * DAY] * n, pa.int64()),
            "amount": np.concatenate([0.25 * amounts, 0.75 * amounts]),
            "quantity": pa.nulls(2 * n, pa.float64()),
        }
    )
    write_part(folder, f"payments/{seed}.parquet", table.cast(HISTORY["payments"]))
    part = {"kind": "payments", "path": f"payments/{seed}.parquet", "rows": 2 * n, "live": True}
    with transaction(engine) as session:
        session.add(HistoryPart(**part, import_id=1, sequence=seed, first_at=start, last_at=start + 3 * DAY))


def revisions(session: Session) -> list[tuple[int, float | None, str | None]]:
    query = select(Revision.number, Revision.definition, Revision.cap_origin).order_by(Revision.number)
    return [(number, one["cap_revenue"], origin) for number, one, origin in session.connection().execute(query)]


def test_payments_propose_what_99_of_100_spenders_stay_within(engine: Engine, tmp_path: Path) -> None:
    amounts = np.random.default_rng(1).lognormal(3.0, 1.0, 2_000)
    pay(engine, tmp_path, amounts)
    found = propose_cap(engine, SYSTEM, tmp_path, MONEY)
    assert found is not None
    assert found.origin == "imported payments"
    assert found.spenders == 2_000
    assert found.value == rounded_up(float(np.quantile(amounts, 0.99)))
    assert f"{found.value:,g} EUR" in found.sentence(Definition.model_validate(MONEY))


def test_the_proposal_is_taken_at_the_start_and_said_so(engine: Engine, tmp_path: Path) -> None:
    pay(engine, tmp_path, np.full(500, 40.0))
    create_experiment(engine, SYSTEM, MONEY)
    cap = propose_cap_at_start(engine, SYSTEM, tmp_path, "spring")
    assert cap is not None
    move_experiment(engine, SYSTEM, "spring", "start", None, cap)
    change_experiment(engine, SYSTEM, "spring", {"objective": {"margin": 0.4}})
    change_experiment(engine, SYSTEM, "spring", {"cap_revenue": 55})
    with reading(engine) as session:
        assert revisions(session) == [(1, 40.0, "imported payments"), (2, 40.0, "imported payments"), (3, 55.0, None)]


def test_a_stated_cap_is_kept(engine: Engine, tmp_path: Path) -> None:
    pay(engine, tmp_path, np.full(500, 40.0))
    create_experiment(engine, SYSTEM, {**MONEY, "cap_revenue": 99})
    assert propose_cap_at_start(engine, SYSTEM, tmp_path, "spring") is None
    move_experiment(engine, SYSTEM, "spring", "start")
    with reading(engine) as session:
        assert revisions(session) == [(1, 99.0, None)]


def test_without_payments_earlier_experiments_propose(worker: WorkerContext, lease: Lease, tmp_path: Path) -> None:
    write_log(worker.engine, Shape(900, repeats=3))
    worker.joiner.run(lease, now())
    found = propose_cap(worker.engine, SYSTEM, tmp_path, MONEY)
    assert found is not None
    assert found.origin == "earlier experiments"
    assert 0 < found.value <= 30.0
    assert propose_cap(worker.engine, SYSTEM, tmp_path, {**MONEY, "currency": "SEK"}) is None


def test_a_draft_with_faults_elsewhere_is_proposed_a_cap(engine: Engine, tmp_path: Path) -> None:
    pay(engine, tmp_path, np.full(500, 40.0))
    found = propose_cap(engine, SYSTEM, tmp_path, {**MONEY, "ends_at": "soon"})
    assert found is not None and found.value == 40.0
    (told,) = proposal_told(MONEY, found)
    assert told.pointer == "/cap_revenue"
    assert "40 EUR" in told.detail and "taken at the start" in told.detail


def test_without_any_history_it_is_said_what_to_state(engine: Engine, tmp_path: Path) -> None:
    assert propose_cap(engine, SYSTEM, tmp_path, MONEY) is None
    told = [each for each in validate_experiment(engine, SYSTEM, MONEY).warnings if each.pointer == "/cap_revenue"]
    assert len(told) == 1
    assert "state up to how much" in told[0].detail


@pytest.mark.parametrize("cap", [0, -5, 1e13, "250"])
def test_a_cap_is_an_amount_above_zero(engine: Engine, cap: object) -> None:
    faults = validate_experiment(engine, SYSTEM, {**MONEY, "cap_revenue": cap}).faults
    assert [fault.pointer for fault in faults] == ["/cap_revenue"]


def test_only_what_is_judged_on_money_needs_a_cap() -> None:
    plain = {**MONEY, "objective": {"maximise": "reengagement"}}
    assert needs_cap(Definition.model_validate(MONEY))
    assert not needs_cap(Definition.model_validate({**MONEY, "cap_revenue": 250}))
    assert not needs_cap(Definition.model_validate(plain))
    assert needs_cap(Definition.model_validate({**plain, "guardrails": [{"metric": "revenue", "worst": 0.5}]}))


@given(st.floats(1e-6, 1e11))
def test_a_proposal_has_two_digits_and_is_no_less(value: float) -> None:
    found = rounded_up(value)
    assert value * (1 - 1e-8) <= found <= 1.11 * value
    assert float(f"{found:.2g}") == found


def test_few_spenders_propose_nothing() -> None:
    assert proposal_from(Spending(10.0, LEAST_SPENDERS - 1), "imported payments") is None
    assert proposal_from(None, "imported payments") is None
