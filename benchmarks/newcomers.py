"""What an arm that enters late costs while its outcomes are pending: `python -m benchmarks.newcomers --seeds 5`.

Eleven arms of the logistic world are known for 6,000 rounds. Then a twelfth enters: a bad one (it pays in 5 % of
rounds), an ordinary one (as likely as the others) or a good one (the best other's chance in that context and 10 points
more). All rewards are known 1,000 rounds later. Each policy plays with newcomers held and free, on the same luck. Told
are the newcomer's share of the traffic and the expected reward, in the 1,000 rounds before its first outcome and in the
5,000 after its entry.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np

from bandit.policies import POLICIES, build
from bandit.policies.newcomers import SHARE
from bandit.policy import draw
from bandit.rounds import FeatureSpec, PolicySpec, Round
from benchmarks.worlds import WORLDS, Floats, World

ENTERS, AFTER, DELAY, BATCH = 6_000, 5_000, 1_000, 250
NAMES = ("linucb", "linear_thompson", "thompson", "squarecb", "softmax")
NEW = ("bad", "ordinary", "good")


def world_of(kind: str, seed: int) -> tuple[World, Floats, Floats]:
    """The world, (T, K) expected rewards and (T, K) drawn ones with the last arm as `kind` says."""
    world = WORLDS["logistic"](seed, ENTERS + AFTER)
    means = world.means.copy()
    if kind == "bad":
        means[:, -1] = 0.05
    elif kind == "good":
        means[:, -1] = np.minimum(means[:, :-1].max(axis=1) + 0.1, 1.0)
    drawn = np.random.default_rng([17, seed]).random(means.shape) < means
    return world, means, drawn.astype(float)


def play(name: str, kind: str, seed: int) -> tuple[Floats, Floats]:
    """(AFTER,) the newcomer's probability and (AFTER,) the expected reward of each round after its entry."""
    world, means, rewards = world_of(kind, seed)
    policy = build(PolicySpec(name), FeatureSpec())
    uniforms = np.random.default_rng([9, seed]).random(len(means))
    waiting: list[Round] = []
    shares, earned = np.zeros(AFTER), np.zeros(AFTER)
    for t, context in enumerate(world.contexts):
        arms = world.arms if t >= ENTERS else world.arms[:-1]
        pmf = policy.pmf(context, arms)
        if t >= ENTERS:
            shares[t - ENTERS], earned[t - ENTERS] = pmf[-1], pmf @ means[t]
        chosen = draw(pmf, float(uniforms[t]))
        waiting.append(Round(context, arms, chosen, pmf, float(pmf[chosen]), float(rewards[t, chosen])))
        if len(waiting) == DELAY + BATCH:
            policy.learn(waiting[:BATCH])
            del waiting[:BATCH]
    return shares, earned


@contextmanager
def _held(share: float) -> Iterator[None]:
    with patch("bandit.policies.newcomers.SHARE", share):
        yield


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--policies", nargs="*", default=list(NAMES), choices=[n for n, p in POLICIES.items() if p.learned]
    )
    asked = parser.parse_args()
    print("| new arm | policy | newcomers | share, 1,000 | reward, 1,000 | share, 5,000 | reward, 5,000 |")
    print("|---|---|---|---|---|---|---|")
    for kind in NEW:
        for name in asked.policies:
            for told, share in (("held", SHARE), ("free", np.inf)):
                with _held(share):
                    runs = [play(name, kind, seed) for seed in range(asked.seeds)]
                shares, earned = (np.stack(part) for part in zip(*runs, strict=True))
                cells = (shares[:, :DELAY].mean(), earned[:, :DELAY].mean(), shares.mean(), earned.mean())
                print(f"| {kind} | {name} | {told} | " + " | ".join(f"{cell:.3f}" for cell in cells) + " |", flush=True)


if __name__ == "__main__":
    main()
