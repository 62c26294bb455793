"""Every design a little, the worst ones again on fresh luck, and what that excludes."""

import sys
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import get_context

from benchmarks.claims.counting import LIMITS, Count, Counts, Seen, counted, excluded, kind_of, limit_of, merged
from benchmarks.claims.designs import Design, luck
from benchmarks.claims.families import FAMILIES
from offline_eval.ab.errors import ReadoutError
from offline_eval.logs.errors import LogError

SCREEN, CONFIRM = 400, 4_000
"""Lives of a design, first and again; a family's `effort` scales both."""

WORST = 20
"""Designs that are lived again."""

TAIL = 0.01
"""Chance that a run excludes anything although every claim holds: shared by all that is tested in it."""

SCREENING, CONFIRMING = 1, 2
ANSWER = "answer: given"
CHUNKS = 8
HELD = [kind for kind, limit in LIMITS.items() if limit < 1]


@dataclass(frozen=True, slots=True)
class Effort:
    """Lives in both stages, how many designs are lived again, and processes."""

    screen: int = SCREEN
    confirm: int = CONFIRM
    worst: int = WORST
    jobs: int = 1

    def lives(self, design: Design, stage: int) -> int:
        """Of one design."""
        planned = self.screen if stage == SCREENING else self.confirm
        return max(4, round(planned * FAMILIES[design.family].effort))


@dataclass(frozen=True, slots=True)
class Lived:
    """A design and what its lives said."""

    design: Design
    counts: Counts


def named(lived: Lived) -> Counts:
    """Claims with the family that they were lived in."""
    return {f"{claim} ({lived.design.family})": count for claim, count in lived.counts.items()}


@dataclass(frozen=True, slots=True)
class Findings:
    """Of a whole run. `confirmed` are the worst of `screened`, on fresh luck."""

    screened: list[Lived]
    confirmed: list[Lived]

    @property
    def pooled(self) -> Counts:
        """Every claim over all screened designs of its family."""
        total: Counts = {}
        for lived in self.screened:
            total = merged(total, named(lived))
        return total

    @property
    def tail_of_one(self) -> float:
        """Bonferroni over everything that can exclude a claim: each confirmed design's claims, and the pooled ones."""
        tested = sum(len(lived.counts) for lived in self.confirmed) + len(self.pooled)
        return TAIL / max(tested, 1)

    def failures(self) -> Iterator[tuple[str, Design | None, Count]]:
        """Claims that are excluded, by a design or (None) by the mean over all."""
        tail = self.tail_of_one
        for lived in self.confirmed:
            for claim, count in lived.counts.items():
                if excluded(claim, count, tail):
                    yield claim, lived.design, count
        for claim, count in self.pooled.items():
            if excluded(claim, count, tail):
                yield claim, None, count


def live(task: tuple[Design, int, range]) -> Counts:
    """Some lives of a design in one stage."""
    design, stage, lives = task
    return counted(_answered(design, stage, life) for life in lives)


def _answered(design: Design, stage: int, life: int) -> list[Seen]:
    """One life. A refusal in words shows nothing; any other exception is a wrong answer."""
    rng = luck(design.family, design.number, design.seed, stage, life)
    try:
        return [*FAMILIES[design.family].life(design, rng), Seen(ANSWER, True, False)]
    except (LogError, ReadoutError) as refusal:
        print(f"{replayed(design)}, life {life} refused: {refusal}", file=sys.stderr)
        return [Seen(ANSWER, False, False)]
    except Exception:
        print(f"{replayed(design)}, life {life}:\n{traceback.format_exc()}", file=sys.stderr)
        return [Seen(ANSWER, True, True)]


def replayed(design: Design) -> str:
    """The arguments that live a design again."""
    return f"--seed {design.seed} --family {design.family} --design {design.number}"


def lived(designs: Sequence[Design], stage: int, effort: Effort) -> Iterator[Lived]:
    """All designs, in order, as they are done."""
    tasks = [(design, stage, part) for design in designs for part in _chunks(effort.lives(design, stage), effort.jobs)]
    for design, found in _by_design(tasks, _counts(tasks, effort.jobs)):
        yield Lived(design, found)


def _chunks(lives: int, jobs: int) -> list[range]:
    pieces = 1 if jobs == 1 else CHUNKS
    edges = [lives * piece // pieces for piece in range(pieces + 1)]
    return [range(a, b) for a, b in pairwise(edges) if b > a]


def _counts(tasks: Sequence[tuple[Design, int, range]], jobs: int) -> Iterator[Counts]:
    if jobs == 1:
        yield from map(live, tasks)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(live, tasks)


def _by_design(tasks: Sequence[tuple[Design, int, range]], counts: Iterator[Counts]) -> Iterator[tuple[Design, Counts]]:
    total: Counts = {}
    for place, ((design, _, _), found) in enumerate(zip(tasks, counts, strict=True)):
        total = merged(total, found)
        if place + 1 == len(tasks) or tasks[place + 1][0] is not design:
            yield design, total
            total = {}


def worst_of(screened: Sequence[Lived], worst: int) -> list[Design]:
    """Designs whose worst claim is the least likely if it held; every kind of claim has its own worst among them."""
    ranked = sorted(
        (count.p_value(limit_of(claim)), place, kind_of(claim))
        for place, one in enumerate(screened)
        for claim, count in one.counts.items()
    )
    by_kind = [next((place for _, place, its in ranked if its == kind), None) for kind in HELD]
    order = dict.fromkeys([*(p for p in by_kind if p is not None), *(place for _, place, _ in ranked)])
    return [screened[place].design for place in list(order)[:worst]]
