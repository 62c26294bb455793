"""Trust checks fed by the joiner: silent on a sound log, loud on a broken one, and never passing without data."""

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import Engine, text

from benchmarks.synthetic_log import SALT, START, Shape, write_log
from experiments.jobs import WorkerContext
from experiments.jobs.lateness import lateness
from experiments.model.deciding.hashing import h
from experiments.model.rollups import DECISIONS
from experiments.model.times import SECOND, now
from experiments.model.trust_sums import ASSIGNED, LAG, LATE
from experiments.services.counting_open import count_open
from experiments.store.core.engine import reading, transaction
from experiments.store.core.lease import Lease
from experiments.store.designing.experiments import find
from experiments.store.designing.revisions import RevisionBook
from experiments.store.joining.maturity import SLOT
from experiments.store.rollups.cell_totals import read_cells
from experiments.store.rollups.trust_sums import read_trust
from experiments.views.trust.checks import READERS, checks
from experiments.views.trust.lags import lags
from offline_eval.ab.checks import CHECKS, CheckResult

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""What depends on the numbers alone; the others say whether both databases keep the same ones."""

SOUND = Shape(1500, voided=0.05, rejected=0.03, forced=0.02, segments=2)


def found(engine: Engine) -> dict[str, CheckResult]:
    with reading(engine) as session:
        row = find(session, "synthetic")
        connection = session.connection()
        return {one.name: one for one in checks(connection, row, read_cells(connection, int(row.id)).total(DECISIONS))}


def join(worker: WorkerContext, lease: Lease, *changes: str) -> dict[str, CheckResult]:
    with transaction(worker.engine) as session:
        for change in changes:
            session.connection().execute(text(change))
    worker.joiner.run(lease, now())
    return found(worker.engine)


def test_every_check_is_read_from_the_store() -> None:
    assert READERS.keys() == CHECKS.keys()


def test_a_sound_log_raises_no_alarm(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, SOUND)
    results = join(worker, lease)
    assert {name for name, one in results.items() if one.status in ("failed", "warning")} == set()
    for name in ("sample_ratio", "adaptive_ratio", "propensity_calibration", "draw_independence", "void_rates"):
        assert results[name].status == "ok", name


def test_nothing_passes_without_data(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, Shape(50))
    with transaction(worker.engine) as session:
        session.connection().execute(text("DELETE FROM decisions"))
        session.connection().execute(text("DELETE FROM outcomes"))
    for result in join(worker, lease).values():
        assert result.status == "too_few", result
        assert result.detail.startswith("not enough data: ")


def test_units_count_as_they_are_assigned(worker: WorkerContext, lease: Lease) -> None:
    """Nothing has matured, and a mismatch shows; whoever has counted what so far, each unit is in once."""
    write_log(worker.engine, SOUND)
    before = found(worker.engine)["sample_ratio"]
    assert before.status == "ok" and found(worker.engine)["draw_independence"].status == "too_few"
    assert join(worker, lease)["sample_ratio"] == before
    with transaction(worker.engine) as session:
        session.connection().execute(text(uneven(1500)))
        session.connection().execute(text("DELETE FROM trust_sums"))
        session.connection().execute(text("DELETE FROM join_cursors"))
    assert found(worker.engine)["sample_ratio"].status == "failed"


@pytest.mark.parametrize("joined", [False, True])
def test_what_the_job_has_counted_is_what_a_reading_counts(worker: WorkerContext, lease: Lease, joined: bool) -> None:
    """Counted in slots, by a job that begins late, or one by one: the same units."""
    write_log(worker.engine, replace(SOUND, rejected=0.0, extra={"clock": "server"}))
    before = found(worker.engine)["sample_ratio"]
    if joined:
        worker.joiner.run(lease, now())
        assert found(worker.engine)["sample_ratio"] == before
    for slots in range(8):
        count_open(worker.engine, RevisionBook(), lease, START + slots * SLOT)
        assert found(worker.engine)["sample_ratio"] == before
    with reading(worker.engine) as session:
        kept = {key.place: row for key, row in read_trust(session.connection(), 1).items() if key.name == ASSIGNED}
    assert sum(row[0] for row in kept.values()) > 1000


def uneven(count: int) -> str:
    """Units of `uniform` that are made `bandit`'s."""
    return f"UPDATE decisions SET variant = 'bandit' WHERE variant = 'uniform' AND id < {10**9 + count}"


LOUD: dict[str, tuple[str, ...]] = {
    "sample_ratio": (uneven(1500),),
    "adaptive_ratio": ("UPDATE decisions SET arm = 'arm-1' WHERE arm = 'arm-2'",),
    "propensity_calibration": ("UPDATE decisions SET arm = 'arm-1' WHERE arm = 'arm-2'",),
}


@ON_SQLITE
@pytest.mark.parametrize("name", LOUD)
def test_a_broken_log_fails(worker: WorkerContext, lease: Lease, name: str) -> None:
    write_log(worker.engine, SOUND)
    assert join(worker, lease, *LOUD[name])[name].status == "failed"


@ON_SQLITE
def test_one_hash_for_two_questions_shows(worker: WorkerContext, lease: Lease) -> None:
    """Units that were enrolled by the number that also draws have drawn from a part of [0, 1) only."""
    write_log(worker.engine, SOUND)
    low = [n for n in range(1500) if h(SALT, "draw", f"u{n}", "0", "0") < 0.5]
    chosen = f"UPDATE decisions SET variant = 'bandit' WHERE id IN ({', '.join(str(10**9 + n) for n in low)})"
    others = "UPDATE decisions SET variant = 'uniform' WHERE variant <> 'bandit'"
    results = join(worker, lease, "UPDATE decisions SET variant = 'other'", chosen, others)
    assert results["draw_independence"].status == "failed"


@ON_SQLITE
@pytest.mark.parametrize(("variant", "status"), [("bandit", "warning"), ("uniform", "warning")])
def test_void_rates_that_differ_warn(worker: WorkerContext, lease: Lease, variant: str, status: str) -> None:
    """A learned policy may choose whom it is hard to reach: that is a warning, not a failure."""
    write_log(worker.engine, Shape(1500))
    bounce = f"INSERT INTO voids SELECT id, 'undeliverable', decided_at FROM decisions WHERE variant = '{variant}'"
    assert join(worker, lease, bounce)["void_rates"].status == status


@ON_SQLITE
def test_void_rates_of_blind_variants_fail(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, Shape(1500, policy={"name": "uniform"}))
    bounce = "INSERT INTO voids SELECT id, 'undeliverable', decided_at FROM decisions WHERE variant = 'uniform'"
    assert join(worker, lease, bounce)["void_rates"].status == "failed"


def test_exposure_is_compared_where_something_was_delivered(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, Shape(1200))
    seen = "UPDATE outcomes SET kind = 'delivered' WHERE kind = 'session'"
    assert join(worker, lease, seen)["exposure"].status == "ok"


def test_outcomes_that_come_late_for_one_variant_warn(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, Shape(1500))
    late = (
        "UPDATE outcomes SET outcome_class = 'late' WHERE kind = 'revenue' AND decision_id IN"
        " (SELECT id FROM decisions WHERE variant = 'uniform')"
    )
    assert join(worker, lease, late)["outcome_lag"].status == "ok"
    assert lateness(worker) > 30
    assert lateness(worker) == 0
    assert found(worker.engine)["outcome_lag"].status == "warning"


def test_days_are_counted_in_the_time_zone(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, Shape(400, extra={"time_zone": "Pacific/Auckland"}))
    join(worker, lease)
    with reading(worker.engine) as session:
        places = session.connection().execute(text("SELECT place FROM trust_sums WHERE name = 'days'")).scalars().all()
    # 2023-11-14T22:13:20Z is the 15th there.
    assert {place.split("|")[1] for place in places} == {"19676"}


def test_sums_from_before_an_upgrade_are_missed(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, SOUND)
    join(worker, lease)
    with transaction(worker.engine) as session:
        session.connection().execute(text("DELETE FROM trust_sums"))
    assert "winback rebuild" in found(worker.engine)["completeness"].detail


def units(rng: np.random.Generator, shape: Shape, count: int) -> list[str]:
    """A log's variants drawn at random by unit, as statements."""
    places = np.flatnonzero(rng.random(count) < 0.2)
    listed = ", ".join(str(10**9 + place) for place in places.tolist())
    return [
        "UPDATE decisions SET variant = 'bandit'",
        f"UPDATE decisions SET variant = 'uniform' WHERE id IN ({listed})",
    ]


@ON_SQLITE
@pytest.mark.parametrize("looks", [8])
def test_the_checks_are_looked_at_again_and_again(worker: WorkerContext, lease: Lease, looks: int) -> None:
    """What an experiment shows while it grows: never an alarm on a sound log."""
    shape = replace(SOUND, decisions=800)
    write_log(worker.engine, shape)
    with transaction(worker.engine) as session:
        for change in units(np.random.default_rng(3), shape, 800):
            session.connection().execute(text(change))
    for look in range(1, looks + 1):
        clock = START + (70 + look * 800 // looks) * SECOND
        results = join(worker, lease, f"UPDATE experiments SET clock_now = {clock}")
        assert not [one for one in results.values() if one.status in ("failed", "warning")]


def test_on_the_callers_clock_outcomes_of_units_are_in_time(worker: WorkerContext, lease: Lease) -> None:
    """Nobody knows when they came; they count, so that late ones are a share of something."""
    write_log(worker.engine, Shape(1500, by_unit=1.0))
    results = join(worker, lease)
    assert results["outcome_lag"].status == "ok"
    assert "bandit 0.00%, uniform 0.00%" in results["outcome_lag"].detail
    assert results["outcome_lag_by_week"].status == "too_few"


def expose(worker: WorkerContext, condition: str, before: int) -> None:
    """The units of these decisions were shown the control `before` microseconds before the decision."""
    columns = "exposure_id, experiment_id, unit_id, arm, at, received_at, voided"
    rows = f"'x' || id, experiment_id, unit_id, 'nothing', decided_at - {before}, decided_at, false"
    with transaction(worker.engine) as session:
        statement = f"INSERT INTO fallback_exposures ({columns}) SELECT {rows} FROM decisions WHERE {condition}"
        session.connection().execute(text(statement))


def test_exposures_without_a_decision_are_a_check_where_there_are_any(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, Shape(600))
    assert "fallback_exposures" not in join(worker, lease)
    expose(worker, "decisions.id % 200 = 0", 5 * SECOND)
    few = found(worker.engine)["fallback_exposures"]
    assert few.status == "ok"
    assert "0.50%" in few.detail


@ON_SQLITE
def test_exposures_of_one_variant_show(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, Shape(600))
    join(worker, lease)
    expose(worker, "variant = 'uniform'", 5 * SECOND)
    skewed = found(worker.engine)["fallback_exposures"]
    assert skewed.status == "warning"
    assert skewed.p_value is not None and skewed.p_value < 1e-6


def test_a_feed_that_is_late_for_one_variant_shows_although_most_lags_are_alike() -> None:
    lag = {"variant a": [229.0, 0, 0, 0, 0], "variant b": [714.0, 0, 0, 0, 0]}
    variants, _ = lags({LAG: lag, LATE: {"a": [13.0], "b": [218.0]}})
    assert variants.status == "warning"
    weeks = {f"week 2026-W0{week}": [500.0, 0, 0, 60.0 * week, 0] for week in (1, 3)}
    _, by_week = lags({LAG: weeks, LATE: {}})
    assert by_week.status == "warning"
