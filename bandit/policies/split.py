"""Fixed weights over arms: a classical A/B/n split."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from bandit.errors import NoEligibleArmError, PolicySpecError
from bandit.policies.fixed_choice import FixedChoice
from bandit.policies.parameters import floor_faults, pointer
from bandit.rounds import Arm, Context, FeatureSpec, Pmf, PolicySpec


class Split(FixedChoice):
    """P(a) in proportion to `params.weights[a]`, renormalised over the eligible arms; unnamed arms have weight 0."""

    randomises: ClassVar[bool] = True
    reads_context: ClassVar[bool] = False

    def __init__(self, spec: PolicySpec, features: FeatureSpec) -> None:
        super().__init__(spec, features)
        weights: Any = spec.params.get("weights")
        faults = floor_faults(spec) | _weight_faults(weights)
        for name in spec.params:
            if name != "weights":
                faults[f"/params/{pointer(name)}"] = "unknown parameter of split; known: weights"
        if faults:
            raise PolicySpecError(faults)
        self._weights = {str(arm): float(weight) for arm, weight in weights.items()}

    def pmf(self, context: Context, arms: Sequence[Arm]) -> Pmf:
        """Shape (K,). Raises NoEligibleArmError where no eligible arm has weight."""
        weights = np.array([self._weights.get(arm.key, 0.0) for arm in arms])
        if not weights.any():
            raise NoEligibleArmError("no arm with weight is eligible")
        shares: Pmf = weights / weights.max()
        shares /= shares.sum()
        return shares

    @classmethod
    def arms_named(cls, params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Those with a weight."""
        if isinstance(params.get("weights"), Mapping):
            yield from ((f"/weights/{pointer(arm)}", arm) for arm in params["weights"])


def _weight_faults(weights: object) -> dict[str, str]:
    if not isinstance(weights, Mapping) or not weights:
        return {"/params/weights": "must map arms to weights"}
    faults = {}
    for arm, weight in weights.items():
        plain = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not plain or not math.isfinite(weight) or weight < 0:
            faults[f"/params/weights/{pointer(arm)}"] = f"must be a finite number of at least 0, not {weight!r}"
    if not faults and not any(weights.values()):
        faults["/params/weights"] = "must not all be zero"
    return faults
