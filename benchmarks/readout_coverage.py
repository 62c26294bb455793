"""Measured coverage and error rates of every readout: `python -m benchmarks.readout_coverage [--quick]`.

Markdown on stdout. Bounds are exact binomial (Clopper-Pearson), one-sided at 99.9 %: a claim of coverage fails when the
upper bound is below it, a claim of an error rate when the lower bound is above it.
"""

import argparse
import sys
import time

from benchmarks.readout_adaptive import adaptive_rows
from benchmarks.readout_fixed import early_rows, fixed_rows, guardrail_rows, money_rows, winsorised_rows
from benchmarks.readout_sequential import mismatch_rows, peeking_rows, power_rows, segment_rows, verdict_rows
from benchmarks.readout_tally import table

RATE = "rate | 99.9 % bounds | runs"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the runs")
    scale = 0.1 if parser.parse_args().quick else 1.0
    start = time.perf_counter()

    def runs(n: int) -> int:
        return int(n * scale)

    columns = f"world | comparison | {RATE} | mean width | relative lift: rate | claim stands"
    one_look = [*fixed_rows(runs(4000)), *winsorised_rows(runs(2000))]
    table("95 % intervals at one look, fixed allocation", columns, one_look)
    columns = f"what | {RATE} | beside | claim stands"
    others = [*guardrail_rows(runs(4000)), *money_rows(runs(2000)), *early_rows(runs(2000))]
    table("Guardrails, money, delay", columns, others)
    columns = f"policy | pair | method | {RATE} | mean width | too few | claim stands"
    table("95 % intervals between arms, adaptive allocation", columns, adaptive_rows(runs(600)))
    columns = f"world | method | {RATE} | claim stands"
    table("95 % intervals under peeking at every 1 % of the data", columns, peeking_rows(runs(1000)))
    columns = f"design | {RATE} | claim | claim stands"
    table("The verdict ever says ship or stop for harm, with nothing to find", columns, verdict_rows(runs(1000)))
    table("Power", f"design | {RATE} | mean stopping time", power_rows(runs(1000)))
    columns = f"adjustment | false-discovery rate | any false: {RATE} | power | claim stands"
    table("50 segments", columns, segment_rows(runs(2000)))
    table("Mismatch tests, lifetime", f"test | {RATE} | claim | claim stands", mismatch_rows(runs(5000)))
    print(f"\n{time.perf_counter() - start:.0f} s on one core.", file=sys.stderr)


if __name__ == "__main__":
    main()
