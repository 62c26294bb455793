"""What a policy is, and how an arm is drawn from one."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np

from bandit.errors import LabelError, NoEligibleArmError
from bandit.rounds import Arm, Choice, Context, FeatureSpec, Pmf, PolicySpec, Round


@runtime_checkable
class Policy(Protocol):
    """Context x eligible arms → pmf.

    What readouts, pricing and the designer have to know of a policy is said by its class, never by its name.

    Class attributes:
        learned: whether `learn` changes anything; learned policies hold their floor.
        randomises: whether several arms can have a positive probability, so that its arms can be contrasted.
        reads_context: whether the pmf depends on the unit.
        priced: whether a price on cost may move probability to cheaper arms.
        named_by_caller: whether each request names its arm, so that nobody knows what another unit would have got.

    Attributes:
        rows_seen: matured rounds learned so far (0: the pmf is the untrained one).
    """

    learned: ClassVar[bool]
    randomises: ClassVar[bool]
    reads_context: ClassVar[bool]
    priced: ClassVar[bool]
    named_by_caller: ClassVar[bool]
    rows_seen: int

    @classmethod
    def arms_named(cls, params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """(JSON pointer into `params`, arm) of every arm that the parameters name; ill-typed ones are left out."""
        ...

    @classmethod
    def sole_arm(cls, params: Mapping[str, Any]) -> str | None:
        """The one arm that everybody gets while it is eligible; None where there may be several."""
        ...

    @classmethod
    def build(cls, spec: PolicySpec, features: FeatureSpec) -> Self:
        """A fresh policy. Raises PolicySpecError naming every fault of `spec`."""
        ...

    def pmf(self, context: Context, arms: Sequence[Arm]) -> Pmf:
        """Shape (K,), float64, sums to 1 within 1e-12, in the order of `arms`, at least the floor where learned.

        A pure function of the snapshot and its arguments. Raises NoEligibleArmError where `arms` is empty.
        """
        ...

    def learn(self, rounds: Sequence[Round]) -> None:
        """Update from rounds in their order. Validates every label first: LabelError leaves the policy unchanged."""
        ...

    def to_bytes(self) -> bytes:
        """Everything `from_bytes` needs beyond the spec and the feature spec."""
        ...

    @classmethod
    def from_bytes(cls, spec: PolicySpec, features: FeatureSpec, data: bytes) -> Self:
        """The inverse of `to_bytes`. Raises SnapshotError."""
        ...


def with_floor(pmf: Pmf, floor: float) -> Pmf:
    """Lift every probability to at least `floor` by the mixture (1 - K f) p + f, where f = min(floor, 1/K).

    A mixture with uniform keeps the order of the arms and sums to one exactly up to rounding. Shape (K,) → (K,).
    """
    lift = min(floor, 1.0 / len(pmf))
    mixed: Pmf = (1.0 - len(pmf) * lift) * pmf + lift
    mixed /= mixed.sum()
    return mixed


def draw(pmf: Pmf, u: float) -> int:
    """Inverse cdf: the first index whose cumulated probability exceeds u in [0, 1); never an arm of probability 0."""
    cumulated = np.cumsum(pmf)
    index = int(np.searchsorted(cumulated, u * cumulated[-1], side="right"))
    return min(index, int(np.flatnonzero(pmf)[-1]))


def choose(policy: Policy, context: Context, arms: Sequence[Arm], u: float) -> Choice:
    """Draw one arm and return it with its probability. Raises NoEligibleArmError where `arms` is empty."""
    if not arms:
        raise NoEligibleArmError("no arm is eligible")
    pmf = policy.pmf(context, arms)
    index = draw(pmf, u)
    return Choice(arms[index], index, pmf, float(pmf[index]))


def validate_round(logged: Round) -> None:
    """Raise LabelError unless the round may be learned: p in (0, 1], finite reward, chosen among the eligible arms.

    Vowpal Wabbit accepts p <= 0, p > 1 and NaN silently and never recovers from an infinite cost.
    """
    if not 0 <= logged.chosen < len(logged.arms):
        raise LabelError(f"chosen index {logged.chosen} is outside the {len(logged.arms)} eligible arms")
    if not 0.0 < logged.propensity <= 1.0:
        raise LabelError(f"propensity {logged.propensity!r} is outside (0, 1]")
    if not math.isfinite(logged.reward):
        raise LabelError(f"reward {logged.reward!r} is not finite")
