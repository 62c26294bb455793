"""One arm for everybody: the variants of a classical A/B test, and holdouts."""

from collections.abc import Sequence

from bandit.errors import PolicySpecError
from bandit.policies.fixed_choice import FixedChoice, certain
from bandit.policies.parameters import floor_faults, pointer
from bandit.rounds import NOTHING, Arm, Context, FeatureSpec, Pmf, PolicySpec


class Fixed(FixedChoice):
    """The arm `params.arm`; where it is not eligible, `nothing`; where that is not either, NoEligibleArmError."""

    def __init__(self, spec: PolicySpec, features: FeatureSpec) -> None:
        super().__init__(spec, features)
        faults = floor_faults(spec)
        for name in set(spec.params) - {"arm"}:
            faults[f"/params/{pointer(name)}"] = "unknown parameter of fixed; known: arm"
        self.arm = spec.params.get("arm")
        if not isinstance(self.arm, str) or not self.arm:
            faults["/params/arm"] = "must name an arm"
        if faults:
            raise PolicySpecError(faults)

    def pmf(self, context: Context, arms: Sequence[Arm]) -> Pmf:
        """Shape (K,), one probability of 1."""
        return certain(arms, str(self.arm), NOTHING)
