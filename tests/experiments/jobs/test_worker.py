"""The worker process by its clock."""

from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep

from sqlalchemy import func, select

from benchmarks.synthetic_log import Shape, write_log
from experiments.jobs import JOBS, WorkerContext
from experiments.jobs.worker import run_worker
from experiments.model.tables.workers import Learner, LoggedRound
from experiments.settings import Settings
from experiments.store.core.engine import engine_for, reading


def count(engine: object, column: object) -> int:
    with reading(engine) as session:
        return session.connection().execute(select(func.count(column))).scalar_one()


def test_it_joins_and_learns_until_told_to_stop(settings: Settings) -> None:
    engine = engine_for(settings)
    write_log(engine, Shape(300))
    stop = Event()
    worker = Thread(target=run_worker, args=(settings, stop))
    worker.start()
    deadline = monotonic() + 20
    while count(engine, Learner.snapshot_id) == 0 and monotonic() < deadline:
        sleep(0.02)
    stop.set()
    worker.join(timeout=5)
    assert not worker.is_alive()
    assert count(engine, LoggedRound.seq) == 300
    assert count(engine, Learner.snapshot_id) == 1
    engine.dispose()


def test_two_workers_do_the_work_of_one(settings: Settings) -> None:
    engine = engine_for(settings)
    write_log(engine, Shape(600))
    stop = Event()
    workers = [Thread(target=run_worker, args=(settings, stop)) for _ in range(2)]
    for worker in workers:
        worker.start()
    deadline = monotonic() + 20
    while count(engine, Learner.snapshot_id) == 0 and monotonic() < deadline:
        sleep(0.02)
    stop.set()
    for worker in workers:
        worker.join(timeout=5)
    assert count(engine, LoggedRound.seq) == 600
    engine.dispose()


def test_every_job_is_harmless_where_there_is_nothing_to_do(worker: WorkerContext) -> None:
    for job in JOBS.values():
        assert job.run(worker) == 0
        assert job.every(worker.settings) > 0


def test_a_database_that_is_away_is_waited_for(worker: WorkerContext, tmp_path: Path) -> None:
    away = WorkerContext(
        Settings(database_url="postgresql://postgres@127.0.0.1:9/none", data_dir=tmp_path, _env_file=None)
    )
    for job in JOBS.values():
        assert job.run(away) == 0
    away.close()
