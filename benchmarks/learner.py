"""The worker's speed: `python -m benchmarks.learner`.

Matured rounds/s end to end (read, decode, join, rollups, encode, learn, publish, on SQLite) beside raw
vowpal_wabbit_next learning the same rounds on reused dense examples, in the same run; how long the worker's write
transactions hold SQLite's lock; and how long one cycle over 200 decisions takes, for which a replay waits.
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, NamedTuple

import numpy as np
import structlog
from sqlalchemy import Connection, event, text
from vowpal_wabbit_next import CBLabel, _core

import migrations
from bandit.features import arm_features, feature_index
from benchmarks.synthetic_log import START, Shape, definition_of, write_log
from experiments.jobs import WorkerContext
from experiments.jobs.worker import spare_the_collector
from experiments.model.deciding.record import decode_record
from experiments.model.times import SECOND, now
from experiments.settings import Settings
from experiments.store.core.engine import reading, transaction

core: Any = _core
SHAPE = Shape(0, arms=12, numeric=20, uniform_every=0, policy={"name": "squarecb"})


@contextmanager
def worker_over(decisions: int, seed: int) -> Iterator[WorkerContext]:
    """A worker over a fresh SQLite file with a log of matured decisions."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'winback.db'}"
        migrations.upgrade(url)
        worker = WorkerContext(Settings(database_url=url, _env_file=None))
        shape = Shape(decisions, SHAPE.arms, SHAPE.numeric, uniform_every=0, policy=dict(SHAPE.policy))
        write_log(worker.engine, shape, seed=seed)
        yield worker
        worker.close()


def lock_times(worker: WorkerContext) -> list[float]:
    """Seconds that each write transaction holds the lock, filled in as they happen."""
    held: list[float] = []
    began: dict[int, float] = {}

    @event.listens_for(worker.engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get("winback_writes"):
            began[id(connection)] = perf_counter()

    original = worker.engine.dialect.do_commit

    def timed(connection: Any) -> None:
        original(connection)
        if began:
            held.append(perf_counter() - began.popitem()[1])

    worker.engine.dialect.do_commit = timed
    return held


class Spent(NamedTuple):
    """Seconds by the clock on the wall, and of this process's CPU."""

    wall: float
    cpu: float

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.wall + other.wall, self.cpu + other.cpu)


def spent_on(work: Callable[[], object]) -> Spent:
    """How long the work takes."""
    wall, cpu = perf_counter(), process_time()
    work()
    return Spent(perf_counter() - wall, process_time() - cpu)


def end_to_end(worker: WorkerContext) -> tuple[Spent, Spent]:
    """Joining and learning."""
    lease = worker.leaseholder.hold()
    assert lease is not None
    joining = spent_on(lambda: worker.joiner.run(lease, now()))
    return joining, spent_on(lambda: worker.learner.run(lease))


def raw_learning(worker: WorkerContext) -> Spent:
    """Vowpal Wabbit itself over the same rounds, encoded beforehand."""
    with reading(worker.engine) as session:
        found = session.connection().execute(
            text("SELECT d.record, d.arm, l.reward FROM logged_rounds l JOIN decisions d ON d.id = l.decision_id")
        )
        records = [(decode_record(row.record), row.arm, row.reward) for row in found]
    names = list(records[0][0].context)
    indices = np.array([feature_index(name) for name in names], dtype=np.uint64)
    values = [np.array([record.context[name] for name in names], dtype=np.float32) for record, _, _ in records]
    keys = records[0][0].eligible
    labels = [(keys.index(arm), (-reward, 1.0)) for _, arm, reward in records]
    workspace = core.Workspace(["--cb_explore_adf", "--squarecb", "--gamma_scale", "40", "-q", "UA"])
    examples, shared = _examples()
    empty, space = CBLabel(), shared[ord("U")]

    def learn() -> None:
        for numbers, (chosen, label) in zip(values, labels, strict=True):
            space.truncate_to(0)
            space.push_many_features(indices, numbers)
            examples[chosen + 1]._set_label(CBLabel(label=label))
            workspace.learn_multi_ex_one(examples)
            examples[chosen + 1]._set_label(empty)

    return spent_on(learn)


def _examples() -> tuple[list[Any], Any]:
    shared = core.Example()
    shared._set_label(CBLabel(shared=True))
    made = [shared]
    for arm in definition_of(SHAPE, "benchmark").arms:
        example = core.Example()
        example._set_label(CBLabel())
        named = arm_features(arm.as_arm())
        places = np.array([feature_index(name) for name, _ in named], dtype=np.uint64)
        example[ord("A")].push_many_features(places, np.array([value for _, value in named], dtype=np.float32))
        made.append(example)
    return made, shared


def cycle_seconds(cycles: int) -> list[float]:
    """Seconds of single cycles over 200 decisions each: join, learn, publish."""
    size, spent = 200, []
    with worker_over(size * cycles, 99) as worker:
        lease = worker.leaseholder.hold()
        assert lease is not None
        for cycle in range(1, cycles + 1):
            with transaction(worker.engine) as session:
                clock = START + (70 + cycle * size - 1) * SECOND
                session.connection().execute(text("UPDATE experiments SET clock_now = :clock"), {"clock": clock})
            start = perf_counter()
            joined = worker.joiner.run(lease, now())
            worker.learner.run(lease)
            spent.append(perf_counter() - start)
            assert joined == size
    return spent


def report(decisions: int, repeats: int) -> str:
    """The figures as a table."""
    ratios, rows, held = [], [], []
    for repeat in range(repeats):
        with worker_over(decisions, repeat) as worker:
            locks = lock_times(worker)
            joining, learning = end_to_end(worker)
            raw = raw_learning(worker)
            held += locks
        whole = joining + learning
        ratios.append(Spent(raw.wall / whole.wall, raw.cpu / whole.cpu))
        speeds = " | ".join(f"{decisions / one.wall:,.0f}" for one in (whole, joining, learning, raw))
        rows.append(f"| {repeat + 1} | {speeds} | {ratios[-1].wall:.2f} | {ratios[-1].cpu:.2f} |")
    spent = sorted(cycle_seconds(20))
    locks = sorted(held)
    return "\n".join(
        [
            f"SQLite, squarecb, {SHAPE.arms} arms, {SHAPE.numeric} features, {decisions:,} matured rounds a run.",
            "",
            "| run | end to end, rounds/s | joined/s | learned/s | raw vowpal_wabbit_next/s | ratio | ratio of CPU |",
            "|---|---|---|---|---|---|---|",
            *rows,
            "",
            f"Ratio, median: **{statistics.median(one.wall for one in ratios):.2f}**,"
            f" of CPU {statistics.median(one.cpu for one in ratios):.2f} (asked: 0.3).",
            f"Write lock held, ms: median {_ms(locks, 0.5)}, p99 {_ms(locks, 0.99)}, longest {_ms(locks, 1)}"
            f" ({len(locks)} transactions).",
            f"One cycle of 200 decisions, ms: median {_ms(spent, 0.5)}, longest {_ms(spent, 1)}.",
        ]
    )


def _ms(ordered: list[float], share: float) -> str:
    return f"{1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)]:.1f}"


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    spare_the_collector()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    print(report(arguments.decisions, arguments.repeats))


if __name__ == "__main__":
    main()
