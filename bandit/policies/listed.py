"""The caller names the arm itself, such as a marketer's own selection; propensity 1."""

from collections.abc import Sequence
from typing import ClassVar

from bandit.errors import NoEligibleArmError
from bandit.policies.fixed_choice import FixedChoice, certain
from bandit.policies.parameters import read_parameters
from bandit.rounds import Arm, Context, FeatureSpec, Pmf, PolicySpec

LISTED_ARM = "$arm"
"""Reserved context name under which the caller's arm travels, so that the recorded context still explains the pmf."""


class Listed(FixedChoice):
    """All probability on the arm that `context["$arm"]` names, or that `pmf_for` is given.

    NoEligibleArmError where no arm is named or the named one is not eligible: the caller's choice is never replaced.
    """

    randomises: ClassVar[bool] = False
    reads_context: ClassVar[bool] = True
    priced: ClassVar[bool] = False
    named_by_caller: ClassVar[bool] = True

    def __init__(self, spec: PolicySpec, features: FeatureSpec) -> None:
        super().__init__(spec, features)
        read_parameters(spec, {})

    def pmf(self, context: Context, arms: Sequence[Arm]) -> Pmf:
        """Shape (K,), one probability of 1."""
        named = context.get(LISTED_ARM)
        if not isinstance(named, str):
            raise NoEligibleArmError("the caller names no arm")
        return self.pmf_for(named, arms)

    @staticmethod
    def pmf_for(arm: str, arms: Sequence[Arm]) -> Pmf:
        """The pmf for an arm named outside the context. Shape (K,)."""
        return certain(arms, arm)
