"""One policy in one world."""

from dataclasses import dataclass

import numpy as np

from bandit.policies import build
from bandit.policy import choose
from bandit.rounds import PolicySpec, Round
from offline_eval.simulation.world import Floats, World

LEARN_EVERY = 50
"""Rounds between two snapshots, as a learner that keeps up with a campaign would publish them."""

CHECKPOINTS = 60


@dataclass(frozen=True)
class Course:
    """What happened.

    Attributes:
        rounds: shape (c,), rounds played at each checkpoint.
        regret: shape (c,), expected regret summed up to there.
    """

    rounds: Floats
    regret: Floats

    @property
    def per_round(self) -> float:
        """Mean regret of a round."""
        return float(self.regret[-1] / self.rounds[-1])


def play(spec: PolicySpec, world: World, seed: int) -> Course:
    """Let the policy decide, wait for what becomes known, and learn it every LEARN_EVERY rounds.

    Regret is counted in expectation over the policy's own pmf, against the policy that knows the truth.
    """
    policy, luck = build(spec, world.features), np.random.default_rng(seed).random(len(world.contexts))
    lost, waiting = np.zeros(len(world.contexts)), list[tuple[int, Round]]()
    for t, context in enumerate(world.contexts):
        chosen = choose(policy, context, world.arms, float(luck[t]))
        lost[t] = world.means[t].max() - chosen.pmf @ world.means[t]
        reward = float(world.rewards[t, chosen.index])
        known = t + int(world.delay[t])
        waiting.append((known, Round(context, world.arms, chosen.index, chosen.pmf, chosen.propensity, reward)))
        if t % LEARN_EVERY == LEARN_EVERY - 1:
            policy.learn([logged for when, logged in waiting if when <= t])
            waiting = [(when, logged) for when, logged in waiting if when > t]
    return _course(lost)


def _course(lost: Floats) -> Course:
    stops = np.unique(np.linspace(1, len(lost), min(CHECKPOINTS, len(lost))).astype(np.int64))
    return Course(stops.astype(np.float64), np.cumsum(lost)[stops - 1])
