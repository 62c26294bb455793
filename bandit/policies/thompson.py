"""Thompson sampling without context (Thompson 1933; Chapelle & Li 2011), with marginal probabilities."""

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from scipy.special import betainc

from bandit.best import best_of, best_of_normals
from bandit.errors import NoEligibleArmError
from bandit.linear import Floats
from bandit.policies.naming import NamesNoArm
from bandit.policies.newcomers import Newcomers
from bandit.policies.parameters import Number, Parameter, floor_of, read_parameters
from bandit.policies.payload import pack, unpack
from bandit.policy import validate_round, with_floor
from bandit.rounds import Arm, Context, FeatureSpec, Pmf, PolicySpec, Round
from bandit.scaling import Moments

CACHE_LIMIT = 512
REWARD_LIMIT = 1e12


class Thompson(NamesNoArm):
    """P(a) = the posterior probability that arm a has the greatest mean reward.

    While all rewards lie in [0, 1]: Beta(prior_a + Σr, prior_b + Σ(1 - r)). From the first reward outside: normal with
    the pooled variance within arms, and a prior at the overall mean worth `prior_a + prior_b` rounds.
    """

    learned: ClassVar[bool] = True
    randomises: ClassVar[bool] = True
    reads_context: ClassVar[bool] = False
    priced: ClassVar[bool] = True
    named_by_caller: ClassVar[bool] = False
    PARAMETERS: ClassVar[dict[str, Parameter]] = {
        "prior_a": Number(1.0, 1e-3, 1e6),
        "prior_b": Number(1.0, 1e-3, 1e6),
    }

    def __init__(self, spec: PolicySpec, features: FeatureSpec) -> None:
        self.spec, self.features = spec, features
        self.params = read_parameters(spec, self.PARAMETERS)
        self.rows_seen = 0
        self._unit = True
        self._newcomers = Newcomers()
        self._arms: dict[str, Moments] = {}
        self._cache: dict[tuple[str, ...], Pmf] = {}

    @classmethod
    def build(cls, spec: PolicySpec, features: FeatureSpec) -> Self:
        """A fresh policy. Raises PolicySpecError."""
        return cls(spec, features)

    def pmf(self, context: Context, arms: Sequence[Arm]) -> Pmf:
        """Shape (K,), float64, at least the floor, newcomers held; uniform while nothing was learned."""
        count = len(arms)
        if count == 0:
            raise NoEligibleArmError("no arm is eligible")
        if self.rows_seen == 0 or count == 1:
            return np.full(count, 1.0 / count)
        keys = tuple(arm.key for arm in arms)
        known = self._cache.get(keys)
        if known is None:
            if len(self._cache) >= CACHE_LIMIT:
                self._cache.clear()
            floor = floor_of(self.spec, count)
            lifted = with_floor(self._best(arms), floor)
            known = self._cache[keys] = self._newcomers.held(lifted, arms, self.rows_seen, floor, self._best)
        return known.copy()

    def learn(self, rounds: Sequence[Round]) -> None:
        """Update from rounds in their order. LabelError leaves the policy unchanged."""
        for logged in rounds:
            validate_round(logged)
        self._newcomers.add(rounds)
        for logged in rounds:
            reward = min(max(logged.reward, -REWARD_LIMIT), REWARD_LIMIT)
            self._unit = self._unit and 0.0 <= reward <= 1.0
            _add(self._arms.setdefault(logged.arms[logged.chosen].key, Moments()), reward)
        self.rows_seen += len(rounds)
        self._cache.clear()

    def _best(self, arms: Sequence[Arm]) -> Pmf:
        seen = [self._arms.get(arm.key, Moments()) for arm in arms]
        counts = np.array([arm.count for arm in seen], dtype=float)
        sums = counts * np.array([arm.mean for arm in seen])
        return self._best_beta(counts, sums) if self._unit else self._best_normal(counts, sums)

    def _best_beta(self, counts: Floats, sums: Floats) -> Pmf:
        a = self.params["prior_a"] + np.clip(sums, 0.0, counts)
        b = self.params["prior_b"] + np.clip(counts - sums, 0.0, counts)
        means, total = a / (a + b), a + b
        deviations = np.sqrt(means * (1.0 - means) / (total + 1.0))
        nodes = means + np.linspace(-5.0, 5.0, 61)[:, None] * deviations
        grid = np.concatenate([np.clip(nodes, 0.0, 1.0).ravel(), np.linspace(0.0, 1.0, 101)])
        return best_of(lambda points: betainc(a, b, points), grid)

    def _best_normal(self, counts: Floats, sums: Floats) -> Pmf:
        pooled = list(self._arms.values())
        total = sum(arm.count for arm in pooled)
        center = sum(arm.count * arm.mean for arm in pooled) / total
        within = sum(arm.squares for arm in pooled)
        between = sum(arm.count * (arm.mean - center) ** 2 for arm in pooled)
        # Before any arm has been seen twice the spread between arms is all there is to go by.
        variance = (within + between / max(total, 1)) / max(total - len(pooled), 1) or 1e-12
        prior = self.params["prior_a"] + self.params["prior_b"]
        weight = counts + prior
        return best_of_normals((sums + prior * center) / weight, np.sqrt(variance / weight))

    def to_bytes(self) -> bytes:
        """Counts and moments by arm."""
        arms = {key: [arm.count, arm.mean, arm.squares] for key, arm in self._arms.items()}
        return pack(
            {
                "policy": self.spec.name,
                "rows": self.rows_seen,
                "unit": self._unit,
                "arms": arms,
                "seen": self._newcomers.state(),
            }
        )

    @classmethod
    def from_bytes(cls, spec: PolicySpec, features: FeatureSpec, data: bytes) -> Self:
        """The inverse of `to_bytes`. Raises SnapshotError."""
        policy = cls(spec, features)
        header: dict[str, Any] = unpack(data, policy=spec.name)[0]
        policy.rows_seen, policy._unit = header["rows"], header["unit"]
        policy._newcomers = Newcomers(header.get("seen"))
        policy._arms = {key: Moments(int(n), mean, squares) for key, (n, mean, squares) in header["arms"].items()}
        return policy


def _add(moments: Moments, reward: float) -> None:
    """Welford's update without winsorising: a rare great reward is what such an arm earns."""
    moments.count += 1
    delta = reward - moments.mean
    moments.mean += delta / moments.count
    moments.squares += delta * (reward - moments.mean)
