"""`python -m benchmarks.claims --designs N --seed S`: exit status 1 where a claim is refuted; a summary comes last.

Each design has a number. The same seed, family and number give the same design, whatever else is run:
`--family NAME --design K` lives one alone. See `designs` for what is drawn and `counting.LIMITS` for what is claimed.
"""

import argparse
import json
import sys
from collections.abc import Iterator

from benchmarks.claims.families import FAMILIES, design_of, designs_of
from benchmarks.claims.report import as_json, summary, tables
from benchmarks.claims.screening import (
    CONFIRM,
    CONFIRMING,
    SCREEN,
    SCREENING,
    WORST,
    Effort,
    Findings,
    Lived,
    lived,
    replayed,
    worst_of,
)


def run(designs: int, seed: int, effort: Effort, family: str | None = None) -> Findings:
    """Screen, then live the worst again."""
    screened = list(_told(lived(designs_of(designs, seed, family), SCREENING, effort), designs))
    again = worst_of(screened, effort.worst)
    return Findings(screened, list(_told(lived(again, CONFIRMING, effort), len(again))))


def _told(found: Iterator[Lived], count: int) -> Iterator[Lived]:
    for place, one in enumerate(found, 1):
        if sys.stderr.isatty():
            print(f"\r{place} of {count} designs", end="\n" if place == count else "", file=sys.stderr, flush=True)
        yield one


def _replayed(arguments: argparse.Namespace, effort: Effort) -> Findings:
    design = design_of(arguments.family, arguments.design, arguments.seed)
    print(f"{replayed(design)}: {design.told()}", file=sys.stderr)
    return Findings([], list(lived([design], CONFIRMING, effort)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.claims", description=__doc__)
    parser.add_argument("--designs", type=int, default=300, help="how many are drawn (300)")
    parser.add_argument("--seed", type=int, default=0, help="any number: another one draws other designs")
    parser.add_argument("--family", choices=list(FAMILIES), help="designs of one family only")
    parser.add_argument("--design", type=int, help="live this one alone (with --family), told in full")
    parser.add_argument("--screen", type=int, default=SCREEN, help="lives of a design to screen it (400)")
    parser.add_argument("--lives", type=int, default=CONFIRM, help="lives of the worst, again (4,000)")
    parser.add_argument("--worst", type=int, default=WORST, help="how many are lived again (20)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (1)")
    parser.add_argument("--json", action="store_true", help="one document instead of tables")
    found = parser.parse_args()
    if found.design is not None and not found.family:
        parser.error("--design needs --family")
    return found


def main() -> int:
    """Print what was found; 1 where a claim is refuted."""
    arguments = _arguments()
    effort = Effort(arguments.screen, arguments.lives, arguments.worst, arguments.jobs)
    if arguments.design is not None:
        found = _replayed(arguments, effort)
    else:
        found = run(arguments.designs, arguments.seed, effort, arguments.family)
    if arguments.json:
        print(json.dumps(as_json(found)))
    else:
        print("\n".join(tables(found, effort)))
        print(f"\n{summary(found)}")
    return int(any(True for _ in found.failures()))


if __name__ == "__main__":
    sys.exit(main())
