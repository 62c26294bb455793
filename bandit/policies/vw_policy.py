"""What the policies that Vowpal Wabbit explores for have in common."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np

from bandit.errors import NoEligibleArmError
from bandit.features import Encoder, Indices, Values
from bandit.policies.naming import NamesNoArm
from bandit.policies.newcomers import Newcomers
from bandit.policies.parameters import Number, Parameter, Range, floor_of, read_parameters
from bandit.policies.payload import pack, unpack
from bandit.policies.vocabulary import Levels
from bandit.policy import validate_round, with_floor
from bandit.rounds import Arm, Context, FeatureSpec, Pmf, PolicySpec, Round
from bandit.scaling import RewardScale, Scaler
from bandit.vw import AdfModel, Encoded


class VwPolicy(NamesNoArm, ABC):
    """A policy whose exploration is one of Vowpal Wabbit's; subclasses say which options it takes.

    The untrained pmf is uniform. Rewards are scaled as RewardScale says (parameter `reward_range`), costs are their
    negatives; `clips_reward` holds them to [0, 1].

    Labels carry p = 1: the rewards of each arm are regressed on its own rounds. SquareCB and RegCB mean to ignore
    propensities anyway, but let the last arm keep its 1/p weight; for the others weights of 1/p only add variance
    (softmax earns 0.65 a round in the logistic world without them and 0.59 with them).
    """

    learned: ClassVar[bool] = True
    randomises: ClassVar[bool] = True
    reads_context: ClassVar[bool] = True
    priced: ClassVar[bool] = True
    named_by_caller: ClassVar[bool] = False
    clips_reward: ClassVar[bool] = False
    PARAMETERS: ClassVar[dict[str, Parameter]] = {}
    COMMON: ClassVar[dict[str, Parameter]] = {
        "reward_range": Range(),
        # 2^18 weights are 4 MB in memory, of which only those in use are stored; a campaign crosses some 2,000 features
        # of context and arm (0.8 % of them collide). Contexts with 100,000 categories need 22.
        "bits": Number(18, 16, 26, integer=True),
    }

    def __init__(self, spec: PolicySpec, features: FeatureSpec) -> None:
        self.spec, self.features = spec, features
        self.params = read_parameters(spec, self.COMMON | self.PARAMETERS)
        self.rows_seen = 0
        self._newcomers = Newcomers()
        self._reward = RewardScale(self.params["reward_range"])
        self._scaler = Scaler()
        self._know(Levels())
        self._arguments = [
            *self.arguments(self.params),
            "-b",
            str(self.params["bits"]),
            "--random_seed",
            str(spec.seed),
        ]
        self._model: AdfModel | None = None

    def _know(self, levels: Levels) -> None:
        self._levels = levels
        self._encoder = Encoder(self.features, self._scaler, levels.index_of)

    @staticmethod
    @abstractmethod
    def arguments(params: dict[str, Any]) -> list[str]:
        """Vowpal Wabbit's options for these parameters."""

    @classmethod
    def build(cls, spec: PolicySpec, features: FeatureSpec) -> Self:
        """A fresh policy. Raises PolicySpecError."""
        return cls(spec, features)

    @property
    def model(self) -> AdfModel:
        """The model, made when first needed: an untrained policy needs none."""
        if self._model is None:
            self._model = AdfModel(self._arguments)
        return self._model

    def pmf(self, context: Context, arms: Sequence[Arm]) -> Pmf:
        """Shape (K,), float64, at least the floor, newcomers held; uniform while nothing was learned."""
        count = len(arms)
        if count == 0:
            raise NoEligibleArmError("no arm is eligible")
        if self.rows_seen == 0 or count == 1:
            return np.full(count, 1.0 / count)
        among = partial(self._among, self._encoder.encode(context))
        floor = floor_of(self.spec, count)
        return self._newcomers.held(with_floor(among(arms), floor), arms, self.rows_seen, floor, among)

    def pmf_all(self, contexts: Sequence[Context], arms: Sequence[Arm]) -> Values | None:
        """`pmf` of n contexts at once, (n, K), to the last bit; None where they have to be taken one by one."""
        count = len(arms)
        if self.rows_seen == 0 or count < 2:
            return None
        encoded = self._encoder.encode_columns(contexts)
        if encoded is None:
            return None
        among = partial(self._among_all, *encoded)
        lift = floor_of(self.spec, count)
        mixed = (1.0 - count * lift) * among(arms) + lift
        lifted: Values = mixed / mixed.sum(axis=1, keepdims=True)
        return self._newcomers.held(lifted, arms, self.rows_seen, lift, among)

    def _among(self, encoded: Encoded, arms: Sequence[Arm]) -> Pmf:
        explored = np.array(self.model.probabilities(encoded, arms))
        pmf: Pmf = explored / explored.sum()
        return pmf

    def _among_all(self, indices: Indices, values: Values, arms: Sequence[Arm]) -> Values:
        explored = self.model.probabilities_all(indices, values, arms)
        pmfs: Values = explored / explored.sum(axis=1, keepdims=True)
        return pmfs

    def learn(self, rounds: Sequence[Round]) -> None:
        """Update from rounds in their order. LabelError leaves the policy unchanged."""
        for logged in rounds:
            validate_round(logged)
        self._newcomers.add(rounds)
        for logged in rounds:
            self._reward.add(logged.reward)
            self._levels.add(self._encoder.levels(logged.context), logged.person)
        contexts = [logged.context for logged in rounds]
        self._encoder.measure(contexts)
        for logged, encoded in zip(rounds, self._encoder.encode_all(contexts), strict=True):
            self.model.learn(encoded, logged.arms, logged.chosen, self._label(logged))
        self.rows_seen += len(rounds)

    def _label(self, logged: Round) -> tuple[float, float]:
        reward = self._reward(logged.reward)
        if self.clips_reward:
            reward = min(max(reward, 0.0), 1.0)
        return -reward, 1.0

    def to_bytes(self) -> bytes:
        """Options, moments and the model's own bytes."""
        header = {
            "policy": self.spec.name,
            "features": self.features.version,
            "arguments": self._arguments,
            "rows": self.rows_seen,
            "seen": self._newcomers.state(),
            "levels": self._levels.state(),
            "scaler": self._scaler.state(),
            "reward": self._reward.state(),
        }
        return pack(header, self.model.serialize() if self.rows_seen else b"")

    @classmethod
    def from_bytes(cls, spec: PolicySpec, features: FeatureSpec, data: bytes) -> Self:
        """The inverse of `to_bytes`. Raises SnapshotError also where spec and snapshot were made with other options."""
        policy = cls(spec, features)
        header, body = unpack(data, policy=spec.name, features=features.version, arguments=policy._arguments)
        policy.rows_seen, policy._newcomers = header["rows"], Newcomers(header.get("seen"))
        policy._scaler = Scaler.restore(header["scaler"])
        policy._know(Levels.restore(header.get("levels")))
        policy._reward = RewardScale.restore(policy.params["reward_range"], header["reward"])
        if policy.rows_seen:
            policy._model = AdfModel([], body)
        return policy
