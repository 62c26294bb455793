"""Arm contrasts when eras were merged: `python -m benchmarks.readout_eras`.

Lives of 32,768 decisions with a snapshot every 256, 33 segments and two eligible sets, so that the joiner's cells
overflow and only 16 eras are kept, each of some eight snapshots; beside them the same lives with an era for each
snapshot, and merged down to four. Coverage at the end, and of the sequence looked at sixteen times while eras merge,
which changes the weights and the reward models of what was looked at before. A claim stands if it does under each of
the five policies: together they could hide one that fails.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple
from unittest.mock import patch

import numpy as np

from benchmarks.readout_adaptive import ARMS, FLOOR, PAIRS, POLICIES, RATES, Choose
from benchmarks.readout_tally import Rate, table
from experiments.services.joining import eras as joining_eras
from experiments.services.joining.eras import CellName, Drawn, Timeline, assign
from offline_eval.ab.adaptive import ARM_CONTRASTS, Cells, Rounds, Stack

SNAPSHOTS, SIZE, SEGMENTS, LOOKS = 128, 256, 33, 16
MANY = 10**9
RULES: dict[str, dict[str, int]] = {
    "never merged": {"ERAS": MANY, "CELLS": MANY},
    "as the joiner merges": {"FEWEST": joining_eras.FEWEST},
    "merged to four": {"FEWEST": 4, "CELLS": 300},
}
"""Rules of `services.joining.eras` that are replaced."""

METHODS = ("adaptively_weighted", "aipw", "arm_sequence")
NAMES: list[CellName] = [("bandit", f"s{segment}", eligible) for segment in range(SEGMENTS) for eligible in range(2)]


class Life(NamedTuple):
    """Rounds of a campaign whose policy knew two kinds of units; cells are finer than that."""

    rounds: Rounds
    cell: np.ndarray


def life(choose: Choose, rng: np.random.Generator) -> Life:
    """A life of one policy; in three of ten rounds the last arm is not eligible."""
    wins, draws = np.zeros(RATES.shape), np.zeros(RATES.shape)
    parts: list[tuple[np.ndarray, ...]] = []
    for snapshot in range(SNAPSHOTS):
        scores = choose(wins, draws, rng) if snapshot else np.full(wins.shape, 1 / len(ARMS))
        segment, without = rng.integers(0, SEGMENTS, SIZE), rng.random(SIZE) < 0.3
        kind = segment % 2
        pmf = scores[kind] + 1e-12
        pmf[without, -1] = 0.0
        pmf /= pmf.sum(axis=1, keepdims=True)
        eligible = (pmf > 0).sum(axis=1, keepdims=True)
        pmf = np.where(pmf > 0, (1 - eligible * FLOOR) * pmf + FLOOR, 0.0)
        arm = (rng.random(SIZE)[:, None] >= pmf.cumsum(axis=1)).sum(axis=1)
        arm = np.minimum(arm, eligible[:, 0] - 1)
        reward = (rng.random(SIZE) < RATES[kind, arm]).astype(float)
        parts.append((np.full(SIZE, snapshot), arm, pmf, reward, segment, 2 * segment + without))
        np.add.at(wins, (kind, arm), reward)
        np.add.at(draws, (kind, arm), 1.0)
    *rounds, cell = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Life(Rounds(*rounds), cell)


def looks(one: Life, rules: dict[str, int], count: int) -> Iterator[tuple[Stack, int]]:
    """At each of `count` looks the cells as they are kept by then, and how many eras."""
    timeline, rounds = Timeline((), {}), one.rounds
    for start, end in pairwise(np.linspace(0, len(one.cell), count + 1).astype(int).tolist()):
        seq, snapshot = np.arange(start, end) + 1, rounds.snapshot[start:end] + 1
        with patch.multiple(joining_eras, **rules):
            timeline = assign(timeline, Drawn(seq, snapshot, one.cell[start:end], NAMES)).after
        starts = np.array([era.start for era in timeline.eras])
        era = np.searchsorted(starts, np.arange(end) + 1, side="right") - 1
        seen = Rounds(era, rounds.arm[:end], rounds.pmf[:end], rounds.reward[:end], rounds.segment[:end])
        yield Stack.of(Cells.of(ARMS, seen)), len(starts)


class Score:
    """Coverage by policy, and lives with too few events for an interval."""

    def __init__(self) -> None:
        self.by_policy: dict[str, Rate] = {}
        self.few = Rate()

    def add(self, policy: str, found: tuple[bool, float] | None) -> None:
        """Whether the truth was inside and how wide the interval was; None: too few."""
        self.few.add(found is None)
        if found is not None:
            self.by_policy.setdefault(policy, Rate()).add(*found)

    def told(self) -> str:
        """All | bounds | lives | lowest of a policy | mean width | too few | claim stands."""
        rates = self.by_policy.values()
        if not rates:
            return f"– | – | 0 | – | – | {self.few.value:.3f} | –"
        whole = Rate(*(sum(getattr(rate, name) for rate in rates) for name in ("hits", "tries", "width")))
        policy, lowest = min(self.by_policy.items(), key=lambda pair: pair[1].value)
        stands = min((rate.covers() for rate in [whole, *rates]), key=lambda said: said == "yes")
        width = f"{whole.mean_width:.4f}" if whole.width else "–"
        return f"{whole.told()} | {lowest.value:.3f} ({policy}) | {width} | {self.few.value:.3f} | {stands}"


Scores = dict[tuple[str, str, str], Score]
"""(rule, pair, method) → coverage."""


def score(one: Life, policy: str, scores: Scores) -> dict[str, int]:
    """Add a life; eras at its end, by rule."""
    eras = {}
    for rule, constants in RULES.items():
        missed, seen = dict.fromkeys(PAIRS, False), dict.fromkeys(PAIRS, False)
        peeked = rule == "as the joiner merges"
        for stack, eras[rule] in looks(one, constants, LOOKS if peeked else 1):
            for pair in PAIRS:
                inside = _inside(stack, pair, "arm_sequence")
                seen[pair] |= inside is not None
                missed[pair] |= inside is not None and not inside[0]
        for pair in PAIRS:
            for method in METHODS:
                scores.setdefault((rule, pair, method), Score()).add(policy, _inside(stack, pair, method))
            if peeked:
                ever = (not missed[pair], 0.0) if seen[pair] else None
                scores.setdefault((rule, pair, f"arm_sequence, {LOOKS} looks"), Score()).add(policy, ever)
    return eras


def _inside(stack: Stack, pair: str, method: str) -> tuple[bool, float] | None:
    """Whether the truth is in the interval, and how wide that is; None where there are too few events."""
    arm, control = PAIRS[pair]
    truth = _truth(arm) - _truth(control)
    found = ARM_CONTRASTS[method](stack, arm, control, 0.05).absolute
    if found.lower is None or found.upper is None:
        return None
    return found.lower <= truth <= found.upper, found.upper - found.lower


def _truth(arm: str) -> float:
    """Mean over segments: of 33, seventeen are of the first kind."""
    return float(np.bincount(np.arange(SEGMENTS) % 2) @ RATES[:, ARMS.index(arm)] / SEGMENTS)


def rows(runs: int) -> Iterator[str]:
    """eras | eras at the end | pair | method, and what `Score.told` tells."""
    scores: Scores = {}
    eras: dict[str, list[int]] = {rule: [] for rule in RULES}
    for place, (policy, choose) in enumerate(POLICIES.items()):
        for run in range(runs):
            one = life(choose, np.random.default_rng([place, run, 9]))
            for rule, count in score(one, policy, scores).items():
                eras[rule].append(count)
    for (rule, pair, method), found in scores.items():
        yield f"{rule} | {np.mean(eras[rule]):.0f} | {pair} | {method} | {found.told()}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=60, help="lives of each of the five policies")
    runs, start = parser.parse_args().runs, time.perf_counter()
    kept = "rate | 99.9 % bounds | lives | lowest of a policy | mean width | too few | claim stands"
    header = f"eras | at the end | pair | method | {kept}"
    table("95 % intervals between arms when eras were merged, five policies", header, rows(runs))
    print(f"\n{time.perf_counter() - start:.0f} s on one core.", file=sys.stderr)


if __name__ == "__main__":
    main()
