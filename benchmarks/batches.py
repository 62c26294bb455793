"""Batch decisions per second end to end, beside raw Vowpal Wabbit predictions on reused dense examples.

12 arms, 20 features, SquareCB from a trained snapshot, contexts from a Parquet file, units without stored profiles;
decisions committed, the result written. Rate and peak memory for each size: time should grow in proportion, memory not
at all.

    python -m benchmarks.batches [--rows 100000,1000000] [--database sqlite,postgresql]
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bandit.policies.vw_policy import VwPolicy
from benchmarks.decision_setup import CONTEXTS, prepare
from benchmarks.decisions import fresh_database
from experiments.model.access.principal import SYSTEM
from experiments.services.batching.requesting import BatchRequest, claim_batch, request_batch
from experiments.services.batching.running import run_batch
from experiments.services.deciding.policy_cache import PolicyCache
from experiments.settings import Settings
from experiments.store.core.engine import engine_for
from experiments.store.deciding.runtime_reads import read_experiments, read_heads, read_snapshot

GROUP = 65_536
RAW = 20_000


def write_base(path: Path, rows: int) -> None:
    """A file of units with contexts."""
    table = pa.Table.from_pylist(CONTEXTS)
    with pq.ParquetWriter(path, table.schema.insert(0, pa.field("unit_id", pa.string()))) as writer:
        for start in range(0, rows, GROUP):
            count = min(GROUP, rows - start)
            part = table.take(pa.array([n % len(CONTEXTS) for n in range(count)]))
            units = pa.array([f"batch-{start + n:09d}" for n in range(count)])
            writer.write_table(part.add_column(0, pa.field("unit_id", pa.string()), units))


def raw_rate(engine) -> float:
    """Predictions per second of the model alone, contexts encoded before."""
    from experiments.model.designing.definition import Definition

    heads = read_heads(engine)
    (stored,) = read_experiments(engine, list(heads.versions))
    definition = Definition.model_validate(stored.experiment.definition)
    cache = PolicyCache(lambda number: read_snapshot(engine, number))
    variant = definition.variants[0]
    snapshot = heads.snapshots[stored.experiment.id, variant.key]
    policy, _ = cache.policy((1, variant.key), definition, variant.policy, snapshot)
    assert isinstance(policy, VwPolicy)
    arms = tuple(arm.as_arm() for arm in definition.arms)
    encoded = [policy._encoder.encode({**context, "profile_orders": 3}) for context in CONTEXTS]
    begun = time.perf_counter()
    for n in range(RAW):
        policy.model.probabilities(encoded[n % len(encoded)], arms)
    return RAW / (time.perf_counter() - begun)


def measure(kind: str, rows: int) -> dict[str, float]:
    """One size on a fresh database."""
    with fresh_database(kind) as url, tempfile.TemporaryDirectory() as folder:
        settings = Settings(database_url=url, data_dir=Path(folder) / "data", database_timeout=30.0, _env_file=None)
        prepare(settings)
        base = Path(folder) / "base.parquet"
        write_base(base, rows)
        engine = engine_for(settings, patient=True)
        raw = raw_rate(engine)
        number = request_batch(engine, SYSTEM, "bench", BatchRequest(path=str(base)))
        claim = claim_batch(engine, number)
        assert claim is not None
        begun = time.perf_counter()
        result = run_batch(settings, engine, claim)
        seconds = time.perf_counter() - begun
        written = pq.ParquetFile(result).metadata.num_rows
        engine.dispose()
        assert written == rows
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return {"seconds": seconds, "rate": rows / seconds, "raw": raw, "ratio": rows / seconds / raw, "peak_mib": peak}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="100000,1000000")
    parser.add_argument("--database", default="sqlite,postgresql")
    parser.add_argument("--one", action="store_true", help="measure in this process and print JSON")
    options = parser.parse_args()
    sizes = [int(size) for size in options.rows.split(",")]
    kinds = options.database.split(",")
    if options.one:
        print(json.dumps(measure(kinds[0], sizes[0])))
        return
    print("database        rows   seconds   units/s  raw VW/s  ratio  peak MiB")
    for kind in kinds:
        for rows in sizes:
            command = [sys.executable, "-m", "benchmarks.batches", "--one", "--rows", str(rows), "--database", kind]
            found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            print(
                f"{kind:10} {rows:9,} {found['seconds']:9.1f} {found['rate']:9,.0f} {found['raw']:9,.0f} "
                f"{found['ratio']:6.2f} {found['peak_mib']:9,.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
