"""Rebuilding every sum that readouts read from the round log: `python -m benchmarks.rollup_rebuild`.

Decisions/s of one vectorised pass (totals, hours, arm cells, trust sums) over Parquet beside just reading the same
columns of the same files in the same run; then what each step costs on one core.
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from experiments.model.designing.definition import Definition
from experiments.model.times import SECOND
from experiments.services.joining.trust import trust_sums
from experiments.services.rebuilding.rollups import rollups_of
from experiments.services.rebuilding.rounds import groups_of, read_table, round_columns, whole_of
from experiments.services.rebuilding.sums import Known, arm_cells, eras_over, facts_of, rebuilt
from experiments.store.joining.round_log import METRIC, ROWS_AT_ONCE, RoundWriter, schema_of

ARMS, SEGMENTS, HOURS = 12, 20, 24 * 14
METRICS = ("session", "reengagement", "revenue", "reward_cost", "contact_cost", "net_value")
START = 1_700_000_000


def definition() -> Definition:
    """Twelve arms, a learning variant and a uniform one."""
    return Definition.model_validate(
        {
            "key": "rebuild",
            "arms": [{"key": f"arm-{place}"} for place in range(ARMS)],
            "variants": [
                {"key": "bandit", "share": 0.8, "policy": {"name": "squarecb"}},
                {"key": "uniform", "share": 0.2, "policy": {"name": "uniform"}},
            ],
        }
    )


def write(folder: Path, rows: int, file: int) -> Path:
    """One file of a log as the service writes it, with made-up decisions."""
    rng = np.random.default_rng(file)
    pmf = rng.dirichlet(np.ones(ARMS), rows) * 0.9 + 0.1 / ARMS
    arm = (rng.random(rows)[:, None] > pmf.cumsum(axis=1)).sum(axis=1).clip(0, ARMS - 1)
    back = rng.random(rows) < 0.1
    revenue = np.where(back, rng.integers(1, 400, rows) / 4, 0.0)
    cost = np.full(rows, 0.25)
    values = (back.astype(float), back.astype(float), revenue, cost, cost, 0.5 * revenue - 2 * cost)
    columns = {
        "seq": np.arange(rows) + 1 + file * rows,
        "bucket": rng.integers(0, 256, rows, dtype=np.int16),
        "revision": np.ones(rows, dtype=np.int32),
        "variant": _names(rng.random(rows) < 0.2, ["bandit", "uniform"]),
        "arm": _names(arm, [f"arm-{place}" for place in range(ARMS)]),
        "segment": _names(rng.integers(0, SEGMENTS, rows), [f"s{place}" for place in range(SEGMENTS)]),
        "decided_at": (START + np.sort(rng.integers(0, HOURS * 3600, rows))) * SECOND,
        "forced": np.zeros(rows, dtype=bool),
        "voided": rng.random(rows) < 0.03,
        "first": np.ones(rows, dtype=bool),
        "new_unit": np.ones(rows, dtype=bool),
        "new_arm_unit": np.ones(rows, dtype=bool),
        "draw": rng.random(rows),
        "reward": values[-1],
        "eligible": _names(np.zeros(rows, dtype=int), [json.dumps([f"arm-{place}" for place in range(ARMS)])]),
        "pmf": _bytes(pmf),
        **{METRIC + name: value for name, value in zip(METRICS, values, strict=True)},
    }
    path = folder / f"rounds-{file:05}.parquet"
    table = pa.table(columns).cast(schema_of(METRICS))
    writer = RoundWriter(path, table.schema)
    for batch in table.to_batches(ROWS_AT_ONCE):
        writer.add(batch)
    writer.close()
    return path


def _bytes(pmf: np.ndarray) -> pa.Array:
    starts = np.arange(len(pmf) + 1) * pmf.shape[1] * pmf.itemsize
    buffers = [None, pa.py_buffer(starts), pa.py_buffer(pmf.ravel())]
    return pa.Array.from_buffers(pa.large_binary(), len(pmf), buffers)


def _names(codes: np.ndarray, names: list[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(codes.astype(np.int32), names)


class Spent(NamedTuple):
    """Seconds by the clock on the wall, and of this process's CPU."""

    wall: float
    cpu: float


def spent_on(work: Callable[[], object]) -> Spent:
    """How long the work takes."""
    wall, cpu = perf_counter(), process_time()
    work()
    return Spent(perf_counter() - wall, process_time() - cpu)


def timed(files: list[Path], rows: int) -> tuple[Spent, Spent]:
    """To read the columns, and to add everything up."""
    read = spent_on(lambda: [pq.read_table(path) for path in files])
    known = Known(eras_over(1, rows), {}, frozenset())
    facts = facts_of({1: definition()})
    return read, spent_on(lambda: rebuilt(files, facts, known))


def steps(file: Path, rows: int) -> dict[str, float]:
    """Seconds of CPU by step over one file."""
    facts, known = facts_of({1: definition()}), Known(eras_over(1, rows), {}, frozenset())
    table = read_table(file)
    columns = [round_columns(group, facts) for group in groups_of(table)]
    work: dict[str, Callable[[], object]] = {
        "reading": lambda: read_table(file),
        "totals and hours": lambda: rollups_of(whole_of(table)),
        "rounds as columns": lambda: [round_columns(group, facts) for group in groups_of(table)],
        "arm cells": lambda: [arm_cells(group, seq, known) for group, seq in columns],
        "trust sums": lambda: [trust_sums(group) for group, _ in columns],
    }
    return {name: spent_on(one).cpu for name, one in work.items()}


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=2_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    a_file = min(arguments.decisions, 1_000_000)
    with tempfile.TemporaryDirectory() as folder:
        files = [write(Path(folder), a_file, place) for place in range(arguments.decisions // a_file)]
        rows = a_file * len(files)
        found = [timed(files, rows) for _ in range(arguments.repeats)]
        each = steps(files[0], rows)
    print(f"{rows:,} decisions, {ARMS} arms, {SEGMENTS} segments, {len(METRICS)} metrics, {HOURS} hours.\n")
    print(
        "| run | reading, decisions/s | rebuilding, decisions/s | times as long as reading | decisions per CPU second |"
    )
    print("|---|---|---|---|---|")
    for place, (read, spent) in enumerate(found, 1):
        speeds = " | ".join(f"{rows / one.wall:,.0f}" for one in (read, spent))
        print(f"| {place} | {speeds} | {spent.wall / read.wall:.1f} | {rows / spent.cpu:,.0f} |")
    median = statistics.median(spent.wall for _, spent in found)
    print(f"\nMedian: **{rows / median:,.0f} decisions/s** (asked: 1,000,000).\n")
    print("| step | CPU, ns a decision |\n|---|---|")
    for name, seconds in each.items():
        print(f"| {name} | {1e9 * seconds / a_file:,.0f} |")


if __name__ == "__main__":
    main()
