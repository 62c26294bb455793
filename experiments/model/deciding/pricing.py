"""The price on cost, as deciding applies it and as it is derived again: after the policy, before manual weights."""

from collections.abc import Mapping, Sequence

import numpy as np

from bandit.policies.parameters import floor_of
from bandit.rounds import Pmf
from bandit.shadow_price import with_shadow_price
from experiments.model.designing.definition import PolicyDefinition


def priced(
    pmf: Pmf, keys: Sequence[str], price: float | None, expected_costs: Mapping[str, float], policy: PolicyDefinition
) -> Pmf:
    """The pmf under a price on cost; learned policies keep their floor. Shape (K,) → (K,), in the order of `keys`."""
    if not price or not policy.kind.priced or len(keys) < 2:
        return pmf
    costs = np.array([expected_costs.get(key, 0.0) for key in keys])
    floor = floor_of(policy.as_spec(), len(keys)) if policy.kind.learned else 0.0
    return with_shadow_price(pmf, costs, price, floor)
