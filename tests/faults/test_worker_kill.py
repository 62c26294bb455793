"""kill -9 of the worker at random instants, and two workers at once: the log ends as that of an undisturbed run."""

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, select, text

from benchmarks.synthetic_log import Shape, definition_of, write_log
from experiments.jobs import WorkerContext
from experiments.model.access.principal import SYSTEM
from experiments.model.policy_snapshots import open_policy
from experiments.model.tables.workers import HourlyRollup, Learner, LoggedRound, Snapshot, TotalsRollup
from experiments.model.times import now
from experiments.services.joining import joiner as joining
from experiments.services.learning import learner as learning
from experiments.services.rebuilding import rebuilder as rebuilding
from experiments.settings import Settings
from experiments.store.core.engine import engine_for, reading
from tests.faults.base import environment_over

pytestmark = pytest.mark.timeout(600)  # many processes start here, which takes its time where others do, too

ROOT = Path(__file__).resolve().parents[2]
LEASE_SECONDS = 1.0
SMALL_STEPS = "joining.MOST, learning.LESSONS = 64, 150"
WORKER = f"""
import signal, threading
from experiments.jobs.worker import run_worker
from experiments.services.joining import joiner as joining
from experiments.services.learning import learner as learning
from experiments.settings import settings
{SMALL_STEPS}
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
run_worker(settings(), stop)
"""
SHAPE = Shape(
    1500, repeats=3, forced=0.03, voided=0.05, rejected=0.05, by_unit=0.3, late=0.1, segments=2,
    policy={"name": "softmax"}, extra={"objective": {"maximise": "net_value", "margin": 0.5}, "cap_revenue": 8.0},
)  # fmt: skip


@contextmanager
def worker_process(url: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = environment_over(url) | {
        "WINBACK_WORKER_INTERVAL": "0.02",
        "WINBACK_LEASE_SECONDS": str(LEASE_SECONDS),
    }
    process = subprocess.Popen([sys.executable, "-c", WORKER], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@dataclass
class Ending:
    """What a finished log looks like."""

    rounds: list[tuple[Any, ...]]
    totals: list[tuple[Any, ...]]
    hours: list[tuple[Any, ...]]
    learned: list[tuple[int, int]]
    pmfs: np.ndarray


def ending(engine: Engine) -> Ending:
    skipped = {"seq"}
    with reading(engine) as session:
        connection = session.connection()

        def table(model: Any, order: str) -> list[tuple[Any, ...]]:
            columns = [column for column in model.__table__.columns if column.name not in skipped]
            return [tuple(row) for row in connection.execute(select(*columns).order_by(text(order)))]

        snapshots = connection.execute(select(Snapshot.__table__).order_by(Snapshot.id)).all()
        definition = definition_of(SHAPE, "synthetic")
        policy = open_policy(
            definition.variants[0].policy.as_spec(),
            definition.context.as_spec(),
            bytes(snapshots[-1].body),
            snapshots[-1].sha256,
        )
        arms = tuple(arm.as_arm() for arm in definition.arms)
        return Ending(
            table(LoggedRound, "seq"),
            table(TotalsRollup, "revision, variant, arm, segment, voided, part"),
            table(HourlyRollup, "hour, variant, arm, segment, voided, metric"),
            [(row.rounds, row.trained_through) for row in snapshots],
            np.array([policy.pmf({"x0": x, "x1": 0.1, "x2": -x}, arms) for x in (-1.0, 0.2, 1.4)]),
        )


@pytest.fixture(scope="module")
def undisturbed(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Ending:
    path = tmp_path_factory.mktemp("undisturbed") / "winback.db"
    path.write_bytes(sqlite_template.read_bytes())
    worker = WorkerContext(Settings(database_url=f"sqlite:///{path}", _env_file=None))
    write_log(worker.engine, SHAPE)
    lease = worker.leaseholder.hold()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joining, "MOST", 64)
        patch.setattr(learning, "LESSONS", 150)
        worker.joiner.run(lease, now())
        worker.learner.run(lease)
    found = ending(worker.engine)
    worker.close()
    return found


def progress(engine: Engine) -> tuple[int, int]:
    """(rounds joined, snapshots published)"""
    with reading(engine) as session:
        connection = session.connection()
        joined = connection.execute(text("SELECT count(*) FROM logged_rounds")).scalar_one()
        return joined, connection.execute(text("SELECT count(*) FROM snapshots")).scalar_one()


def is_done(engine: Engine, undisturbed: Ending) -> bool:
    with reading(engine) as session:
        reached = session.connection().execute(select(Learner.trained_through)).scalar()
    return progress(engine)[0] == len(undisturbed.rounds) and reached == len(undisturbed.rounds)


def wait_for(condition: Any, seconds: float = 80.0) -> None:
    until = monotonic() + seconds
    while not condition():
        assert monotonic() < until, "the worker did not get there"
        sleep(0.001)


def kill_and_restart(engine: Engine, url: str, undisturbed: Ending, kills: int, rng: random.Random) -> int:
    """How many workers were killed before they were done."""
    early = 0
    for _ in range(kills):
        joined, published = progress(engine)
        more = rng.randint(1, max(1, (len(undisturbed.rounds) - joined) // 2))
        with worker_process(url) as process:
            wait_for(lambda before=(joined, published), more=more: _moved(engine, before, more))
            sleep(rng.random() * 0.02)
            process.kill()
            process.wait()
        early += not is_done(engine, undisturbed)
    return early


def _moved(engine: Engine, before: tuple[int, int], more: int) -> bool:
    joined, published = progress(engine)
    return joined >= before[0] + more or published > before[1] or published >= 7


def compare(found: Ending, expected: Ending) -> None:
    assert found.rounds == expected.rounds
    assert found.totals == expected.totals
    assert found.hours == expected.hours
    assert found.learned == expected.learned
    np.testing.assert_allclose(found.pmfs, expected.pmfs, atol=1e-7)


def disturb(url: str, undisturbed: Ending, kills: int, seed: int) -> None:
    engine = engine_for(Settings(database_url=url, _env_file=None), patient=True)
    write_log(engine, SHAPE)
    assert kill_and_restart(engine, url, undisturbed, kills, random.Random(seed)) > 0
    with worker_process(url):
        wait_for(lambda: is_done(engine, undisturbed))
    compare(ending(engine), undisturbed)
    assert rebuilding.compare(engine, SYSTEM, "synthetic", lambda *_: None).agrees
    engine.dispose()


def test_a_killed_worker_neither_loses_nor_repeats(database_url: str, undisturbed: Ending) -> None:
    disturb(database_url, undisturbed, 3, seed=1)


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(4))
def test_twenty_and_more_kills_neither_lose_nor_repeat(database_url: str, undisturbed: Ending, seed: int) -> None:
    disturb(database_url, undisturbed, 6, seed=100 + seed)


def test_two_workers_at_once_and_the_death_of_one(database_url: str, undisturbed: Ending) -> None:
    engine = engine_for(Settings(database_url=database_url, _env_file=None), patient=True)
    write_log(engine, SHAPE)
    with worker_process(database_url) as first, worker_process(database_url):
        wait_for(lambda: progress(engine)[0] > 200)
        first.kill()
        wait_for(lambda: is_done(engine, undisturbed))
    compare(ending(engine), undisturbed)
    assert rebuilding.compare(engine, SYSTEM, "synthetic", lambda *_: None).agrees
    engine.dispose()
