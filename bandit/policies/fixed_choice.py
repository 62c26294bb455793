"""What the policies that learn nothing have in common."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np

from bandit.errors import NoEligibleArmError
from bandit.policies.naming import NamesNoArm
from bandit.policies.payload import pack, unpack
from bandit.policy import validate_round
from bandit.rounds import Arm, Context, FeatureSpec, Pmf, PolicySpec, Round


class FixedChoice(NamesNoArm, ABC):
    """A policy that is nothing but its specification: `learn` only validates, snapshots hold the name.

    Such policies have no floor; one in their specification is ignored.
    """

    learned: ClassVar[bool] = False
    priced: ClassVar[bool] = True
    named_by_caller: ClassVar[bool] = False

    def __init__(self, spec: PolicySpec, features: FeatureSpec) -> None:
        self.spec, self.features = spec, features
        self.rows_seen = 0

    @classmethod
    def build(cls, spec: PolicySpec, features: FeatureSpec) -> Self:
        """A policy. Raises PolicySpecError."""
        return cls(spec, features)

    @abstractmethod
    def pmf(self, context: Context, arms: Sequence[Arm]) -> Pmf:
        """Shape (K,), float64, in the order of `arms`."""

    def learn(self, rounds: Sequence[Round]) -> None:
        """Nothing changes but the count of rows; labels are validated all the same."""
        for logged in rounds:
            validate_round(logged)
        self.rows_seen += len(rounds)

    def to_bytes(self) -> bytes:
        """The name and the count of rows."""
        return pack({"policy": self.spec.name, "rows": self.rows_seen})

    @classmethod
    def from_bytes(cls, spec: PolicySpec, features: FeatureSpec, data: bytes) -> Self:
        """The inverse of `to_bytes`. Raises SnapshotError."""
        policy = cls(spec, features)
        policy.rows_seen = unpack(data, policy=spec.name)[0]["rows"]
        return policy


def certain(arms: Sequence[Arm], *keys: str) -> Pmf:
    """All probability on the first of `keys` that is eligible. Raises NoEligibleArmError where none is."""
    places = {arm.key: index for index, arm in enumerate(arms)}
    for key in keys:
        if key in places:
            pmf = np.zeros(len(arms))
            pmf[places[key]] = 1.0
            return pmf
    raise NoEligibleArmError(f"none of {', '.join(keys)} is eligible")
