"""The objective of every row, computed from its outcomes and the costs of its arm."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bandit.rounds import Arm
from offline_eval.logs.batch import Floats
from offline_eval.logs.spec import NET_VALUE, LogSpec


def with_money(
    spec: LogSpec, arms: Sequence[Arm], arm: NDArray[np.int64], outcomes: Mapping[str, Floats]
) -> dict[str, Floats]:
    """The outcomes, and where arms cost anything or revenue is known: reward_cost, contact_cost, net_value; all (n,).

    An incentive's cost falls due with the decision, or once where the metric `cost_on` is above zero.
    """
    metrics = dict(outcomes)
    if "revenue" not in outcomes and not any(a.reward_cost or a.contact_cost for a in arms):
        return metrics
    metrics.setdefault("reward_cost", _reward_cost(arms, arm, outcomes))
    metrics.setdefault("contact_cost", np.array([a.contact_cost for a in arms])[arm])
    if "revenue" in outcomes:
        net = spec.objective.margin * outcomes["revenue"] - metrics["reward_cost"] - metrics["contact_cost"]
        metrics.setdefault(NET_VALUE, net)
    return metrics


def _reward_cost(arms: Sequence[Arm], arm: NDArray[np.int64], outcomes: Mapping[str, Floats]) -> Floats:
    cost = np.array([a.reward_cost for a in arms])[arm]
    for index, described in enumerate(arms):
        if described.cost_on != "decision" and described.reward_cost:
            rows = arm == index
            cost[rows] *= outcomes[described.cost_on][rows] > 0
    return cost
