"""What the policies on Bayesian linear regression have in common: vocabulary, statistics, snapshot, beliefs."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np

from bandit.errors import NoEligibleArmError
from bandit.features import Encoder, arm_features
from bandit.linear import ArmStatistics, Floats, Hyper, Posterior, fit
from bandit.policies.naming import NamesNoArm
from bandit.policies.newcomers import Newcomers
from bandit.policies.parameters import Number, Parameter, floor_of, read_parameters
from bandit.policies.payload import pack, unpack
from bandit.policies.vocabulary import Vocabulary
from bandit.policy import validate_round, with_floor
from bandit.rounds import Arm, Context, FeatureSpec, Pmf, PolicySpec, Round
from bandit.scaling import Scaler

SET_LIMIT = 512
REWARD_LIMIT = 1e12
REFIT_GROWTH = 1.3
SHARED_LIMIT = 8


class LinearPolicy(NamesNoArm, ABC):
    """A policy on the posterior of `bandit.linear`; subclasses turn means and deviations into a pmf.

    The untrained pmf is uniform. Rewards may have any scale: the prior is relative to their variance.
    """

    learned: ClassVar[bool] = True
    randomises: ClassVar[bool] = True
    reads_context: ClassVar[bool] = True
    priced: ClassVar[bool] = True
    named_by_caller: ClassVar[bool] = False
    PARAMETERS: ClassVar[dict[str, Parameter]] = {}
    COMMON: ClassVar[dict[str, Parameter]] = {
        "dimension": Number(64, 2, 512, integer=True),
        "half_life": Number(None, 10, 1e9),
    }

    def __init__(self, spec: PolicySpec, features: FeatureSpec) -> None:
        self.spec, self.features = spec, features
        self.params = read_parameters(spec, self.COMMON | self.PARAMETERS)
        self.rows_seen = 0
        self._newcomers = Newcomers()
        self._hyper = Hyper()
        self._statistics: dict[str, ArmStatistics] = {}
        self._described: dict[str, dict[str, float]] = {}
        self._vocabulary = Vocabulary(self.params["dimension"])
        self._scaler = Scaler()
        self._encoder = Encoder(features, self._scaler, self._vocabulary.slot)
        self._posterior: Posterior | None = None
        self._sets: dict[tuple[int, ...], tuple[Sequence[Arm], Floats, Floats]] = {}

    @abstractmethod
    def decide(self, means: Floats, deviations: Floats) -> Pmf:
        """Shapes (K,), (K,) → pmf (K,) before the floor. Deviations are of what the arms do not have in common."""

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
        floor = floor_of(self.spec, count)
        lifted = with_floor(self._among(context, arms), floor)
        return self._newcomers.held(lifted, arms, self.rows_seen, floor, partial(self._among, context))

    def _among(self, context: Context, arms: Sequence[Arm]) -> Pmf:
        return self.decide(*self.beliefs(context, arms))

    def beliefs(self, context: Context, arms: Sequence[Arm]) -> tuple[Floats, Floats]:
        """Posterior mean of each arm's reward above the overall mean, and its deviation without the common part."""
        weights, spreads = self._arm_set(arms)
        features = self._vector(context)
        spread = (spreads @ features).reshape(-1, len(features)) @ features
        own = spread[:-1]
        return weights @ features, np.sqrt(np.maximum(own - spread[-1], 1e-3 * own))

    def learn(self, rounds: Sequence[Round]) -> None:
        """Update from rounds in their order. LabelError leaves the policy unchanged."""
        for logged in rounds:
            validate_round(logged)
        if not rounds:
            return
        for logged in rounds:
            self._vocabulary.add(self._encoder.observe(logged.context), logged.person)
        self._newcomers.add(rounds)
        self._encoder.forget()
        self._sets.clear()
        self._posterior = None
        self._add(rounds)
        self.rows_seen += len(rounds)
        self._refit()

    def _add(self, rounds: Sequence[Round]) -> None:
        if self.params["half_life"] is not None:
            for statistics in self._statistics.values():
                statistics.discount(0.5 ** (len(rounds) / self.params["half_life"]))
        rows: dict[str, list[tuple[Floats, float]]] = {}
        for logged in rounds:
            arm = logged.arms[logged.chosen]
            reward = min(max(logged.reward, -REWARD_LIMIT), REWARD_LIMIT)
            rows.setdefault(arm.key, []).append((self._vector(logged.context), reward))
            self._described[arm.key] = dict(arm_features(arm))
        size = self._vocabulary.size
        for statistics in self._statistics.values():
            statistics.grow(size)
        for key, pairs in rows.items():
            statistics = self._statistics.setdefault(key, ArmStatistics.empty(size))
            statistics.add(np.stack([vector for vector, _ in pairs]), np.array([reward for _, reward in pairs]))

    def _refit(self) -> None:
        if self.rows_seen < REFIT_GROWTH * self._hyper.fitted_at:
            return
        self._hyper = fit([self._statistics[name] for name in self._described], self._psi(self._described), self._hyper)
        self._hyper.noise = self._infer({}).residual_share()
        self._hyper.fitted_at = float(self.rows_seen)

    def _vector(self, context: Context) -> Floats:
        indices, values, ones = self._encoder.encode(context)
        vector = np.zeros(self._vocabulary.size + 1)
        vector[indices] = values
        vector[ones] = 1.0
        vector[0] = 1.0
        return vector[:-1]

    def _psi(self, described: dict[str, dict[str, float]]) -> Floats:
        """Descriptions that at least two known arms share and that tell arms apart, after a column of ones."""
        known = list(self._described.values())
        names = sorted({name for features in known for name in features})
        carriers = {name: [features.get(name, 0.0) for features in known] for name in names}
        useful = [name for name, column in carriers.items() if np.count_nonzero(column) > 1 and len(set(column)) > 1]
        useful = useful[:SHARED_LIMIT]
        return np.array([[1.0, *(features.get(name, 0.0) for name in useful)] for features in described.values()])

    def _arm_set(self, arms: Sequence[Arm]) -> tuple[Floats, Floats]:
        key = tuple(map(id, arms))
        entry = self._sets.get(key)
        if entry is None:
            if len(self._sets) >= SET_LIMIT:
                self._sets.clear()
            # Holding the arms keeps their ids from being given to others.
            entry = self._sets[key] = (tuple(arms), *self._prepare(arms))
        return entry[1], entry[2]

    def _prepare(self, arms: Sequence[Arm]) -> tuple[Floats, Floats]:
        fresh = {arm.key: dict(arm_features(arm)) for arm in arms if arm.key not in self._statistics}
        posterior = self._infer(fresh) if fresh else self._known_posterior()
        places = {name: place for place, name in enumerate([*self._described, *fresh])}
        members = [places[arm.key] for arm in arms]
        spreads = np.concatenate([posterior.covariances[members], posterior.shared_part(members)[None]])
        return posterior.weights[members], np.ascontiguousarray(spreads.reshape(-1, self._vocabulary.size))

    def _known_posterior(self) -> Posterior:
        if self._posterior is None:
            self._posterior = self._infer({})
        return self._posterior

    def _infer(self, fresh: dict[str, dict[str, float]]) -> Posterior:
        """The posterior over the known arms and `fresh` ones, of which nothing but their description is known."""
        described = self._described | fresh
        empty = ArmStatistics.empty(self._vocabulary.size)
        return Posterior([self._statistics.get(name, empty) for name in described], self._psi(described), self._hyper)

    def to_bytes(self) -> bytes:
        """Statistics (upper triangles, float64), vocabulary, moments, hyperparameters."""
        upper = np.triu_indices(self._vocabulary.size)
        body = [np.concatenate([arm.gram[upper], arm.moment]) for arm in self._statistics.values()]
        header = {
            "policy": self.spec.name,
            "features": self.features.version,
            "rows": self.rows_seen,
            "seen": self._newcomers.state(),
            "hyper": [self._hyper.shared, self._hyper.own, self._hyper.noise, self._hyper.fitted_at],
            "scaler": self._scaler.state(),
            "vocabulary": self._vocabulary.state(),
            "arms": [[key, self._described[key], arm.squares, arm.count] for key, arm in self._statistics.items()],
        }
        return pack(header, np.concatenate(body).tobytes() if body else b"")

    @classmethod
    def from_bytes(cls, spec: PolicySpec, features: FeatureSpec, data: bytes) -> Self:
        """The inverse of `to_bytes`. Raises SnapshotError."""
        policy = cls(spec, features)
        header, body = unpack(data, policy=spec.name, features=features.version)
        policy.rows_seen, policy._newcomers = header["rows"], Newcomers(header.get("seen"))
        policy._hyper = Hyper(*header["hyper"])
        policy._scaler = Scaler.restore(header["scaler"])
        policy._vocabulary = Vocabulary.restore(policy.params["dimension"], header["vocabulary"])
        policy._encoder = Encoder(features, policy._scaler, policy._vocabulary.slot)
        policy._restore_arms(header["arms"], np.frombuffer(body))
        if policy.rows_seen:
            # Here and not at the first decision, which would have to wait for it.
            policy._known_posterior()
        return policy

    def _restore_arms(self, arms: list[list[Any]], numbers: Floats) -> None:
        size = self._vocabulary.size
        upper = np.triu_indices(size)
        table = numbers.reshape(len(arms), len(upper[0]) + size)
        for (key, described, squares, count), row in zip(arms, table, strict=True):
            gram = np.zeros((size, size))
            gram[upper] = row[:-size]
            gram.T[upper] = row[:-size]
            self._described[key] = described
            self._statistics[key] = ArmStatistics(gram, row[-size:].copy(), squares, count)
