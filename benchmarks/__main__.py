"""Every benchmark, one after the other: `make bench`. Compare ratios, never absolute figures of two machines."""

import subprocess
import sys

PARTS = {
    "decisions": ["benchmarks.decisions"],
    "memory": ["benchmarks.decisions", "--memory"],
    "edge": ["benchmarks.edge"],
    "learner": ["benchmarks.learner"],
    "pacing": ["benchmarks.pacing"],
    "consumer": ["benchmarks.consumer"],
    "consumer_postgresql": ["benchmarks.consumer", "--postgres"],
    "import_speed": ["benchmarks.import_speed"],
    "quality": ["benchmarks.quality"],
    "ope": ["benchmarks.ope"],
    "logs_scale": ["benchmarks.logs_scale"],
    "coverage": ["benchmarks.coverage"],
    "readout_speed": ["benchmarks.readout_speed"],
    "readout_coverage": ["benchmarks.readout_coverage"],
    "readout_eras": ["benchmarks.readout_eras"],
    "claims": ["benchmarks.claims", "--jobs", "2"],
}
"""What can be run by name: `python -m benchmarks decisions memory`. Each is a process of its own."""


def main(wanted: list[str]) -> int:
    """Run the parts that are named, or all; the number of those that failed."""
    unknown = [name for name in wanted if name not in PARTS]
    if unknown:
        print(f"unknown: {', '.join(unknown)}; known: {', '.join(PARTS)}", file=sys.stderr)
        return 2
    failed = 0
    for name in wanted or PARTS:
        print(f"\n## {name}\n", flush=True)
        failed += subprocess.run([sys.executable, "-m", *PARTS[name]], check=False).returncode != 0
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
