"""Arm contrasts in skewed revenue and rare events while policies learn: `python -m benchmarks.readout_arms`.

Five policies (`readout_adaptive.POLICIES`) move the traffic by what they earn; two segments, four arms, ten looks.
Rewards are 0/1, or revenue of those who spend: log-normal or Pareto, per decision and uncapped, or counted up to a cap
that was stated beforehand. Each row: how often an interval was wrong and shown, how often it was shown, how often it
covered where it was shown, and how wide it was. "At every look" counts a life as wrong when any of its looks was.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from benchmarks.readout_adaptive import ARMS, FLOOR, PAIRS, POLICIES, RATES, SNAPSHOTS, Choose
from benchmarks.readout_tally import Rate, table
from offline_eval.ab.adaptive import ARM_CONTRASTS, Cells, Rounds, Stack

METHODS = ("arm_sequence", "adaptively_weighted", "aipw")
EFFECTIVE = 400
"""Spenders of the scarcer arm from which on something is to be shown."""


@dataclass(frozen=True, slots=True)
class World:
    """Decisions whose reward is a spend with a probability.

    Attributes:
        tail: "0/1", "log-normal" or "Pareto"; shape: its σ or index.
        spending: factor on the rates, 9 to 18 %. cap: quantile of spends from which they no longer count, or None.
        size: decisions by snapshot.
    """

    tail: str
    shape: float = 0.0
    spending: float = 1.0
    cap: float | None = None
    size: int = 4000

    @property
    def name(self) -> str:
        """In a table."""
        spend = self.tail if self.tail == "0/1" else f"{self.tail} {self.shape}"
        capped = "" if self.tail == "0/1" else "uncapped" if self.cap is None else f"cap at {self.cap:.1%}"
        told = (spend, capped, f"{self.spending * RATES.mean():.1%} spend", f"{self.size * SNAPSHOTS:,} decisions")
        return ", ".join(filter(None, told))

    @property
    def most(self) -> float | None:
        """The cap in money."""
        if self.tail == "0/1":
            return 1.0
        return None if self.cap is None else float(self._quantile(self.cap))

    def _quantile(self, at: float | np.ndarray) -> np.ndarray:
        if self.tail == "log-normal":
            return np.asarray(np.exp(self.shape * norm.ppf(at)))
        return np.asarray((1 - np.asarray(at)) ** (-1 / self.shape))

    def mean_spend(self) -> float:
        """E min(spend, cap)."""
        if self.tail == "0/1":
            return 1.0
        if self.tail == "log-normal":
            s, whole = self.shape, float(np.exp(self.shape**2 / 2))
            if self.cap is None:
                return whole
            z = float(norm.ppf(self.cap))
            return whole * float(norm.cdf(z - s)) + float(self._quantile(self.cap)) * (1 - self.cap)
        a = self.shape
        if self.cap is None:
            return a / (a - 1)
        most = float(self._quantile(self.cap))
        return a / (a - 1) - most ** (1 - a) / (a - 1)

    def spends(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """(n,) draws."""
        if self.tail == "0/1":
            return np.ones(n)
        found = self._quantile(rng.random(n))
        return found if self.most is None else np.minimum(found, self.most)

    def truth(self, arm: str, control: str) -> float:
        """Difference of the arms' means."""
        first, second = (RATES[:, ARMS.index(name)].mean() for name in (arm, control))
        return float((first - second) * self.spending * self.mean_spend())


def life(world: World, choose: Choose, rng: np.random.Generator) -> Iterator[Cells]:
    """Cells by snapshot; policies learn from spends counted up to three times the mean one."""
    wins, draws, scale = np.zeros(RATES.shape), np.zeros(RATES.shape), 3 * world.mean_spend()
    for snapshot in range(SNAPSHOTS):
        k = len(ARMS)
        table = choose(wins, draws, rng) if snapshot else np.full(wins.shape, 1 / k)
        table = (1 - k * FLOOR) * table + FLOOR
        segment = rng.integers(0, 2, world.size)
        pmf = table[segment]
        arm = (rng.random(world.size)[:, None] >= pmf.cumsum(axis=1)).sum(axis=1).clip(0, k - 1)
        spent = rng.random(world.size) < world.spending * RATES[segment, arm]
        reward = np.zeros(world.size)
        reward[spent] = world.spends(int(spent.sum()), rng)
        yield Cells.of(ARMS, Rounds(np.full(world.size, snapshot), arm, pmf, reward, segment))
        np.add.at(wins, (segment, arm), np.minimum(reward / scale, 1.0))
        np.add.at(draws, (segment, arm), 1.0)


BETWEEN_LOOKS = 2
"""Snapshots."""

WRONG = 0.06
"""At one look at least 94 % are covered; at every look, 95 % of lives."""

AT_EVERY_LOOK = "arm_sequence, every look"


class Tally:
    """Lives of one pair and method, by policy."""

    def __init__(self, claim: float) -> None:
        self.claim = claim
        self.wrong: dict[str, Rate] = {}
        self.shown, self.owed, self.covered = Rate(), Rate(), Rate()

    def add(self, policy: str, inside: bool | None, width: float, spenders: float) -> None:
        """A life: whether the truth was inside (None: nothing was shown), and the scarcer arm's expected spenders."""
        self.wrong.setdefault(policy, Rate()).add(inside is False)
        self.shown.add(inside is not None)
        if spenders >= EFFECTIVE:
            self.owed.add(inside is not None)
        if inside is not None:
            self.covered.add(inside, width)

    def told(self) -> str:
        """wrong and shown | bounds | lives | highest of a policy | shown | shown of 400 spenders | covered | width."""
        rates = list(self.wrong.values())
        whole = Rate(sum(rate.hits for rate in rates), sum(rate.tries for rate in rates))
        policy, worst = max(self.wrong.items(), key=lambda pair: pair[1].value)
        stands = max((rate.at_most(self.claim) for rate in [whole, *rates]), key=lambda told: told != "yes")
        owed = f"{self.owed.value:.3f} of {self.owed.tries}" if self.owed.tries else "–"
        covered = f"{self.covered.value:.3f}" if self.covered.tries else "–"
        width = f"{self.covered.mean_width:.4g}" if self.covered.width else "–"
        shares = f"{self.shown.value:.3f} | {owed} | {covered} | {width}"
        return f"{whole.told()} | {worst.value:.3f} ({policy}) | {shares} | {stands}"


Tallies = dict[tuple[str, str], Tally]
"""(pair, method) → its tally."""


def measured(world: World, lives: int, seed: int = 21) -> Tallies:
    """So many lives of each policy."""
    claims = dict.fromkeys(METHODS, WRONG) | {"arm_sequence": 0.05, AT_EVERY_LOOK: 0.05}
    tallies = {(pair, method): Tally(claim) for pair in PAIRS for method, claim in claims.items()}
    for place, policy in enumerate(POLICIES):
        for run in range(lives):
            rng = np.random.default_rng([seed, place, run])
            _score(world, policy, life(world, POLICIES[policy], rng), tallies)
    return tallies


def _score(world: World, policy: str, parts: Iterator[Cells], tallies: Tallies) -> None:
    stack = Stack.of(Cells(ARMS, {}, {}))
    total: Cells | None = None
    ever: dict[str, list[bool]] = {pair: [] for pair in PAIRS}
    for snapshot, part in enumerate(parts, 1):
        total = part if total is None else total + part
        if snapshot % BETWEEN_LOOKS:
            continue
        stack = Stack.of(total)
        for pair in PAIRS:
            inside = _inside(world, stack, pair, "arm_sequence")[0]
            ever[pair] += [] if inside is None else [inside]
    for pair, method in tallies:
        inside, width, spenders = _inside(world, stack, pair, method.split(",")[0])
        if method == AT_EVERY_LOOK:
            inside, width = (all(ever[pair]) if ever[pair] else None), 0.0
        tallies[pair, method].add(policy, inside, width, spenders)


def _inside(world: World, stack: Stack, pair: str, method: str) -> tuple[bool | None, float, float]:
    """Whether the truth is in the interval (None: there is none), its width, and the scarcer arm's spenders."""
    arm, control = PAIRS[pair]
    limits = None if world.most is None else (0.0, world.most)
    found = ARM_CONTRASTS[method](stack, arm, control, 0.05, limits)
    e = found.absolute
    if e.lower is None or e.upper is None:
        return None, 0.0, found.expected_events
    return e.lower <= world.truth(arm, control) <= e.upper, e.upper - e.lower, found.expected_events


WORLDS = (
    World("0/1", size=500),
    World("0/1", spending=0.1, size=500),
    World("log-normal", 1.0, cap=0.99),
    World("log-normal", 2.5, cap=0.99),
    World("log-normal", 2.5, cap=0.99, spending=0.1),
    World("log-normal", 2.5, cap=0.99, spending=5.0, size=500),
    World("Pareto", 1.5, cap=0.99),
    World("Pareto", 1.5, cap=0.999),
    World("log-normal", 1.0),
    World("log-normal", 2.5),
    World("Pareto", 1.5),
)


def rows(lives: int) -> Iterator[str]:
    """world | pair | method, and what `Tally.told` tells."""
    for world in WORLDS:
        for (pair, method), tally in measured(world, lives).items():
            yield f"{world.name} | {pair} | {method} | {tally.told()}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lives", type=int, default=100, help="of each world and policy")
    lives, start = parser.parse_args().lives, time.perf_counter()
    told = "wrong and shown | 99.9 % bounds | lives | highest of a policy | shown | of lives with 400 spenders"
    header = f"world | pair | method | {told} | covered where shown | mean width | claim stands"
    table("95 % intervals between arms, skewed rewards, five policies", header, rows(lives))
    print(f"\n{time.perf_counter() - start:.0f} s on one core.", file=sys.stderr)


if __name__ == "__main__":
    main()
