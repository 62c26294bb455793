"""Reward per round and regret of every learned policy in four worlds: `python -m benchmarks.quality --seeds 5`.

Seeds are paired: all policies meet the same users, the same rewards and the same uniform numbers for their draws. What
is reported is the expected reward of each round's pmf, Σ_a pmf_a · E[r_a], which has less noise than the drawn rewards.
Rounds are learned in batches of 20 (the delayed world: 250, known 1,000 rounds later).
"""

import argparse
import math
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from bandit.policies import DEFAULT_POLICY, POLICIES, build
from bandit.policy import draw
from bandit.rounds import FeatureSpec, PolicySpec, Round
from benchmarks.worlds import WORLDS, World

REFERENCE = {
    "linucb": 0.680,
    "squarecb": 0.630,
    "softmax": 0.616,
    "regcb": 0.613,
    "cover": 0.593,
    "bagging": 0.588,
    "epsilon_greedy": 0.513,
}
"""Reward per round in the reference's logistic world (cover without uniform exploration, epsilon 0.05)."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cell:
    """One policy in one world over all seeds: mean reward per round, its half-width at 95 %, mean regret per round."""

    reward: float
    margin: float
    regret: float


def play(world: World, spec: PolicySpec, seed: int) -> float:
    """Expected reward per round of a policy that learns as it goes."""
    policy = build(spec, FeatureSpec())
    uniforms = np.random.default_rng([9, seed]).random(len(world.contexts))
    waiting: list[Round] = []
    earned = 0.0
    for t, context in enumerate(world.contexts):
        pmf = policy.pmf(context, world.arms)
        earned += float(pmf @ world.means[t])
        chosen = draw(pmf, float(uniforms[t]))
        waiting.append(Round(context, world.arms, chosen, pmf, float(pmf[chosen]), float(world.rewards[t, chosen])))
        if len(waiting) == world.delay + world.batch:
            policy.learn(waiting[: world.batch])
            del waiting[: world.batch]
    return earned / len(world.contexts)


def measure(world_name: str, names: Sequence[str], seeds: range, rounds: int) -> dict[str, Cell]:
    """Every policy in one world, with rows `uniform` and `best` for scale; seeds run side by side."""
    with ProcessPoolExecutor() as pool:
        runs = list(pool.map(_play_all, repeat(world_name), repeat(tuple(names)), seeds, repeat(rounds)))
    best = float(np.mean([earned["best"] for earned in runs]))
    return {name: _cell([earned[name] for earned in runs], best) for name in runs[0]}


def _play_all(world_name: str, names: Sequence[str], seed: int, rounds: int) -> dict[str, float]:
    world = WORLDS[world_name](seed, rounds)
    earned = {"uniform": float(world.means.mean()), "best": float(world.means.max(axis=1).mean())}
    return earned | {name: play(world, PolicySpec(name, seed=seed), seed) for name in names}


def _cell(values: list[float], best: float) -> Cell:
    spread = 1.96 * float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return Cell(float(np.mean(values)), spread, best - float(np.mean(values)))


def worst_case(table: dict[str, dict[str, Cell]], name: str) -> float:
    """The greatest regret of a policy over the worlds."""
    return max(cells[name].regret for cells in table.values())


def markdown(table: dict[str, dict[str, Cell]]) -> str:
    """The table, policies in order of worst-case regret."""
    names = sorted(next(iter(table.values())), key=lambda name: worst_case(table, name))
    head = ["policy", *(f"{world} reward (regret)" for world in table), "worst-case regret", "reference, logistic"]
    rows = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for name in names:
        cells = [f"{c.reward:.3f} ± {c.margin:.3f} ({c.regret:.3f})" for c in (cells[name] for cells in table.values())]
        mark = " (default)" if name == DEFAULT_POLICY else ""
        reference = f"{REFERENCE[name]:.3f}" if name in REFERENCE else ""
        rows.append(f"| {name}{mark} | " + " | ".join([*cells, f"{worst_case(table, name):.3f}", reference]) + " |")
    return "\n".join(rows)


def main() -> int:
    """Print the table; status 1 where the default is not the policy of the smallest worst-case regret."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=10_000)
    parser.add_argument("--first-seed", type=int, default=0, help="development used 1000 and above")
    parser.add_argument("--policies", nargs="*", default=[name for name, policy in POLICIES.items() if policy.learned])
    parser.add_argument("--worlds", nargs="*", default=list(WORLDS))
    given = parser.parse_args()
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    table = {world: measure(world, given.policies, seeds, given.rounds) for world in given.worlds}
    print(markdown(table))
    winner = min(given.policies, key=lambda name: worst_case(table, name))
    print(f"\nSmallest worst-case regret: {winner}; DEFAULT_POLICY: {DEFAULT_POLICY}")
    return 0 if winner == DEFAULT_POLICY else 1


if __name__ == "__main__":
    raise SystemExit(main())
