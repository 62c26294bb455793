"""How long GET …/results takes over 10 million decisions x 6 metrics x 12 arms x 20 segments, and what it grows with.

    python -m benchmarks.readout_speed [--quick]

The totals that so many decisions leave are written as the joiner writes them; the readout is the one the API answers
with, encoded. Target: 100 ms. Beside it the same with a hundredth of the decisions, and with ten times the hours.
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
from sqlalchemy import insert

import migrations
from experiments.model.access.principal import SYSTEM
from experiments.model.designing.definition import Definition
from experiments.model.rollups import ARM_UNITS, DECISIONS, UNITS
from experiments.model.tables.core import Experiment, Revision
from experiments.model.tables.workers import HourlyRollup
from experiments.model.times import HOUR
from experiments.services.joining.eras import CELLS
from experiments.settings import Settings
from experiments.store.core.bulk import add_rows
from experiments.store.core.engine import engine_for, transaction
from experiments.store.rollups.cells import BLOCK, ArmCellKey, CellChange, EligibleArms, Era, StoredCell, write_cells
from experiments.store.rollups.tiers import PART, PARTS, CellKey, Increments, TotalsWriter, write_rollups
from experiments.views.readout import readout

START = 1_700_000_000_000_000 // HOUR * HOUR
METRICS = ("reengagement", "conversion", "revenue", "reward_cost", "contact_cost", "net_value")
ARMS, SEGMENTS = 12, 20
TARGET = 0.100


@dataclass(frozen=True)
class World:
    """What is written."""

    key: str
    number: int
    decisions: int
    hours: int


def definition_of(key: str) -> Definition:
    """A bandit over twelve arms of three event types against a holdout of a fifth."""
    arms = [
        {"key": f"arm-{a}", "event_type": f"type-{a % 3}", "reward_cost": 1.0, "contact_cost": 0.01}
        for a in range(ARMS)
    ]
    return Definition.model_validate(
        {
            "key": key,
            "objective": {"maximise": "net_value", "margin": 0.3},
            "segments": {"by": ["country"]},
            "arms": [{"key": "nothing"}, *arms],
            "variants": [
                {"key": "bandit", "share": 0.8, "policy": {"name": "linucb"}},
                {"key": "holdout", "share": 0.2, "policy": {"name": "fixed", "params": {"arm": "nothing"}}},
            ],
        }
    )


def cells() -> Iterator[tuple[str, str, str, int, float]]:
    """(variant, arm, segment, voided, share of the decisions)."""
    for segment in range(SEGMENTS):
        yield "holdout", "nothing", f"segment-{segment}", 0, 0.2 / SEGMENTS
        for arm in range(ARMS):
            for voided, part in ((0, 0.97), (1, 0.03)):
                yield "bandit", f"arm-{arm}", f"segment-{segment}", voided, 0.8 * part / SEGMENTS / ARMS


def sums_of(share: float, treated: bool, decisions: int, rng: np.random.Generator) -> np.ndarray:
    """(9, 3, 256): rounds, totals and squares of every metric and count by bucket, for one cell."""
    n = rng.poisson(share * decisions / 256, 256).astype(float)
    back = rng.binomial(n.astype(int), 0.11 if treated else 0.10).astype(float)
    bought = rng.binomial(back.astype(int), 0.4).astype(float)
    revenue = bought * 40.0 + rng.normal(0, 15, 256) * np.sqrt(bought)
    cost, contact = (back * 1.0, n * 0.01) if treated else (n * 0.0, n * 0.0)
    net = 0.3 * revenue - cost - contact
    plain = [(back, back, back), (bought, bought, bought), (bought, revenue, bought * 1800.0)]
    money = [(cost, cost, cost), (contact * 100, contact, contact / 100), (n if treated else bought, net, bought * 170)]
    counts = [(n, n, n), (n, n, n), (n, n, n)]
    return np.array([*plain, *money, *counts])


def write(engine, world: World, rng: np.random.Generator) -> None:
    """The experiment, both tiers."""
    made = definition_of(world.key)
    head = {
        "id": world.number, "key": world.key, "salt": b"\x07" * 32, "status": "running", "version": 1, "revision": 1,
        "definition": made.model_dump(mode="json"), "created_at": START, "started_at": START,
    }  # fmt: skip
    revision = {"experiment_id": world.number, "number": 1, "definition": head["definition"], "opened_at": START}
    names = (*METRICS, DECISIONS, UNITS, ARM_UNITS)
    keys, rows, hourly = [], [], []
    for variant, arm, segment, voided, share in cells():
        sums = sums_of(share, variant == "bandit", world.decisions, rng)
        by_part = sums.reshape(len(names), 3, PARTS, PART).transpose(2, 0, 1, 3)
        keys += [CellKey(1, variant, arm, segment, voided, part) for part in range(PARTS)]
        rows += list(by_part)
        totals = sums.sum(axis=2)
        hourly += [
            (world.number, START // HOUR + hour, 1, variant, arm, segment, voided, name, int(rounds), total)
            for hour in range(world.hours)
            for name, (rounds, total, _) in zip(names, totals / world.hours, strict=True)
        ]
    order = sorted(range(len(keys)), key=lambda at: keys[at])
    places = {name: place for place, name in enumerate(names)}
    sorted_sums = np.ascontiguousarray(np.array([rows[at] for at in order]))
    increments = Increments(places, list(names), [keys[at] for at in order], sorted_sums, [])
    with transaction(engine) as session:
        connection = session.connection()
        connection.execute(insert(Experiment), [head])
        connection.execute(insert(Revision), [revision])
        write_rollups(connection, world.number, increments, TotalsWriter().sums_after(world.number, increments))
        write_arms(connection, world.number, rng)
        add_rows(connection, HourlyRollup.__table__, ("rounds", "total"), sorted(hourly))


def write_arms(connection, number: int, rng: np.random.Generator) -> None:
    """As many cells of arms as the joiner keeps at most."""
    eras = CELLS // SEGMENTS
    arms = ("nothing", *(f"arm-{arm}" for arm in range(ARMS)))
    found = {
        ArmCellKey(era, "bandit", f"segment-{segment}", 0): StoredCell(8_000_000 // CELLS, sums)
        for era in range(eras)
        for segment in range(SEGMENTS)
        for sums in [rng.random((BLOCK * 4, len(arms))) * 100.0]
    }
    opened = [Era(era, 8_000_000 // eras, 1, {"bandit": 0}) for era in range(eras)]
    write_cells(connection, number, CellChange([(0, EligibleArms(arms, False))], opened, [], found))


def timed(engine, key: str, repeats: int) -> tuple[float, float, float, int]:
    """(median, best, median of the processor's time, bytes) of the readout, encoded."""
    took, worked, size = [], [], 0
    for _ in range(repeats):
        began, idle = time.perf_counter(), time.process_time()
        size = len(msgspec.json.encode(readout(engine, SYSTEM, key)))
        took.append(time.perf_counter() - began)
        worked.append(time.process_time() - idle)
    return float(np.median(took)), min(took), float(np.median(worked)), size


def main() -> None:
    """Write, read, print."""
    quick = "--quick" in sys.argv
    worlds = [World("ten-million", 1, 10_000_000, 4), World("hundred-thousand", 2, 100_000, 4)]
    worlds.append(World("ten-times-the-hours", 3, 10_000_000, 8 if quick else 40))
    with TemporaryDirectory() as folder:
        settings = Settings(database_url=f"sqlite:///{Path(folder) / 'winback.db'}", _env_file=None)
        migrations.upgrade(settings.database_url)
        engine = engine_for(settings)
        for world in worlds:
            write(engine, world, np.random.default_rng(world.number))
        for world in worlds:
            median, best, worked, size = timed(engine, world.key, 3 if quick else 15)
            said = "within" if best <= TARGET else "BEYOND"
            print(
                f"{world.key:20} {world.decisions:>10,} decisions {world.hours:>3} h: median {median * 1e3:6.1f} ms, "
                f"best {best * 1e3:6.1f} ms ({said} {TARGET * 1e3:.0f} ms), processor {worked * 1e3:.1f} ms, "
                f"{size / 1e3:,.0f} kB"
            )
        engine.dispose()


if __name__ == "__main__":
    main()
