"""One arm for everybody: the variants of a classical A/B test, and holdouts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from bandit.errors import PolicySpecError
from bandit.policies.fixed_choice import FixedChoice, certain
from bandit.policies.parameters import floor_faults, pointer
from bandit.rounds import NOTHING, Arm, Context, FeatureSpec, Pmf, PolicySpec


class Fixed(FixedChoice):
    """The arm `params.arm`; where it is not eligible, `nothing`; where that is not either, NoEligibleArmError."""

    randomises: ClassVar[bool] = False
    reads_context: ClassVar[bool] = False
    priced: ClassVar[bool] = False  # it says which arm it is, whatever that costs

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

    @classmethod
    def arms_named(cls, params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Its arm."""
        if (arm := cls.sole_arm(params)) is not None:
            yield "/arm", arm

    @classmethod
    def sole_arm(cls, params: Mapping[str, Any]) -> str | None:
        """Its arm."""
        arm = params.get("arm")
        return arm if isinstance(arm, str) else None
