"""Every eligible arm equally likely: the log that offline evaluation likes best."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from bandit.errors import NoEligibleArmError
from bandit.policies.fixed_choice import FixedChoice
from bandit.policies.parameters import read_parameters
from bandit.rounds import Arm, Context, FeatureSpec, Pmf, PolicySpec


class Uniform(FixedChoice):
    """P(a) = 1 / K."""

    randomises: ClassVar[bool] = True
    reads_context: ClassVar[bool] = False

    def __init__(self, spec: PolicySpec, features: FeatureSpec) -> None:
        super().__init__(spec, features)
        read_parameters(spec, {})

    def pmf(self, context: Context, arms: Sequence[Arm]) -> Pmf:
        """Shape (K,). Raises NoEligibleArmError where `arms` is empty."""
        if not arms:
            raise NoEligibleArmError("no arm is eligible")
        return np.full(len(arms), 1.0 / len(arms))
