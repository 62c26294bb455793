"""IPS, SNIPS and Cressie-Read of a fixed policy and of one by rules, over Parquet logs that do not fit into memory.

python -m benchmarks.logs_scale [--rows 1000000,10000000,100000000] [--workers 2]: seconds, rows per second and the
peak resident memory of the process, for each size; time should grow in proportion and memory stay where it is.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ARMS = [f"arm-{index:02d}" for index in range(12)]
CHANNELS = ["web", "phone", "mail"]
GROUP = 1 << 20
ESTIMATORS = ["ips", "snips", "cressie_read"]

SPEC = {
    "log": {"name": "scale", "arm": "arm", "control": ARMS[0], "propensity": {"column": "propensity"}},
    "context": {"numeric": ["recency"], "categorical": ["channel"]},
    "outcomes": {"reengagement": "reward"},
    "objective": {"maximise": "reengagement", "range": [0, 1]},
    "rules": {
        "default": ARMS[0],
        "list": [
            {"when": {"and": [{">=": [{"var": "recency"}, 6]}, {"==": [{"var": "channel"}, "web"]}]}, "arm": ARMS[3]},
            {"when": {"<": [{"var": "recency"}, 3]}, "arm": ARMS[7]},
        ],
    },
}


def write_log(folder: Path, rows: int) -> None:
    """A log of `rows` rounds, one file for every GROUP of them, from a logging policy that is not uniform."""
    folder.mkdir(parents=True)
    chance = np.linspace(1.0, 2.0, len(ARMS)) / np.linspace(1.0, 2.0, len(ARMS)).sum()
    for number, start in enumerate(range(0, rows, GROUP)):
        rng, n = np.random.default_rng(number), min(GROUP, rows - start)
        arm = np.searchsorted(np.cumsum(chance), rng.random(n)).clip(max=len(ARMS) - 1).astype(np.int8)
        recency = rng.integers(0, 12, n).astype(np.float32)
        columns = {
            "arm": pa.DictionaryArray.from_arrays(pa.array(arm), pa.array(ARMS)),
            "propensity": pa.array(chance[arm]),
            "recency": pa.array(recency),
            "channel": pa.DictionaryArray.from_arrays(
                pa.array(rng.integers(0, 3, n).astype(np.int8)), pa.array(CHANNELS)
            ),
            "reward": pa.array((rng.random(n) < 0.05 + 0.01 * (arm % 3) + 0.004 * recency).astype(np.int8)),
        }
        pq.write_table(pa.table(columns), folder / f"part-{number:05d}.parquet")


def measure(folder: Path, workers: int) -> dict[str, float]:
    """Seconds and peak memory (MiB) of one replay in this process."""
    from offline_eval.engine import Threads
    from offline_eval.logs import open_log, parse_spec
    from offline_eval.replay import Options, replay

    engine = Threads(workers)
    begun = time.perf_counter()
    log = open_log(folder, parse_spec(SPEC), engine)
    checked = time.perf_counter()
    result = replay(log, [f"fixed:{ARMS[3]}", "rules"], ESTIMATORS, options=Options(engine=engine))
    ended = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    values = {name: policy["estimates"]["snips"]["value"] for name, policy in result["policies"].items()}
    return {"rows": log.n, "check_s": checked - begun, "replay_s": ended - checked, "peak_mib": peak, **values}


def main() -> None:
    """Print a line for each size, each measured in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default="1000000,10000000,100000000")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="measure this log and print JSON")
    options = parser.parse_args()
    if options.folder:
        print(json.dumps(measure(options.folder, options.workers)))
        return
    print(f"{'rows':>12} {'check s':>9} {'replay s':>9} {'million rows/s':>15} {'peak MiB':>9}")
    for rows in map(int, options.rows.split(",")):
        with tempfile.TemporaryDirectory() as scratch:
            write_log(Path(scratch) / "log", rows)
            command = [sys.executable, "-m", "benchmarks.logs_scale", "--folder", f"{scratch}/log"]
            output = subprocess.run([*command, "--workers", str(options.workers)], check=True, capture_output=True)
        found = json.loads(output.stdout)
        pace = rows / 1e6 / (found["check_s"] + found["replay_s"])
        print(f"{rows:>12,} {found['check_s']:>9.2f} {found['replay_s']:>9.2f} {pace:>15.2f} {found['peak_mib']:>9.0f}")


if __name__ == "__main__":
    main()
