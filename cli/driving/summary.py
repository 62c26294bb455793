"""What a drive came to, as EST: the played policy, uniform assignment and the best fixed arm."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from offline_eval.estimate import Estimate
from offline_eval.logs import Log, LogBatch

ALPHA = 0.05
Floats = NDArray[np.float64]


def mean(values: Floats, method: str = "replay") -> Estimate:
    """The mean with its normal interval. `values` has shape (n,)."""
    return weighted_mean(values, np.ones(len(values)), method)


def weighted_mean(values: Floats, weights: Floats, method: str) -> Estimate:
    """Σ w r / Σ w with the delta method's normal interval; shapes (n,). Without any weight the value is None."""
    total = float(weights.sum())
    if not total:
        return Estimate(None, None, None, len(values), 0.0, method, ALPHA)
    value = float(weights @ values) / total
    effective = total**2 / float(weights @ weights)
    if effective < 2:
        return Estimate(value, None, None, len(values), effective, method, ALPHA)
    error = float(np.sqrt(np.square(weights * (values - value)).sum())) / total
    reach = float(stats.norm.ppf(1 - ALPHA / 2)) * error
    return Estimate(value, value - reach, value + reach, len(values), effective, f"{method}, normal", ALPHA)


def uniform(log: Log, table: LogBatch) -> Estimate:
    """What drawing every eligible arm alike would have earned."""
    count = len(log.arms) if table.eligible is None else table.eligible.sum(axis=1)
    return weighted_mean(table.reward, 1.0 / (count * table.propensity), "snips")


def best_fixed(log: Log, table: LogBatch) -> tuple[str, Estimate]:
    """The arm whose mean is highest, with that mean. Chosen on the same rows: if anything, it flatters the arm."""
    estimates = {
        arm.key: weighted_mean(table.reward, (table.arm == place) / table.propensity, "snips")
        for place, arm in enumerate(log.arms)
    }
    known = {key: estimate for key, estimate in estimates.items() if estimate.value is not None}
    best = max(known, key=lambda key: known[key].value or 0.0)
    return best, known[best]


@dataclass(frozen=True, slots=True)
class Drive:
    """One seed's run. `rewards` are those of the matched rows, the first `first_half` of them from the first half."""

    seed: int
    policy: str
    decisions: int
    rewards: Sequence[float]
    first_half: int
    snapshots: int
    checked: int
    different: int

    def document(self, log: Log, table: LogBatch) -> dict[str, Any]:
        """The JSON of the contract."""
        rewards = np.array(self.rewards, dtype=np.float64)
        arm, best = best_fixed(log, table)
        return {
            "log": log.spec.name,
            "policy": self.policy,
            "seed": self.seed,
            "decisions": self.decisions,
            "matched": len(rewards),
            "voided": self.decisions - len(rewards),
            "snapshots": self.snapshots,
            "objective": {
                "policy": mean(rewards).as_dict(),
                "policy_second_half": mean(rewards[self.first_half :]).as_dict(),
                "uniform": uniform(log, table).as_dict(),
                "best_fixed": {**best.as_dict(), "arm": arm},
            },
            "verified": {"checked": self.checked, "different": self.different},
        }


def lift(document: dict[str, Any]) -> float:
    """Second half over uniform assignment, minus one."""
    objective = document["objective"]
    return float(objective["policy_second_half"]["value"]) / float(objective["uniform"]["value"]) - 1.0


def mean_lift(documents: Sequence[dict[str, Any]]) -> Estimate:
    """The lifts' mean over seeds with Student's t interval."""
    lifts = np.array([lift(document) for document in documents])
    value = float(lifts.mean())
    n = len(lifts)
    if n < 2:
        return Estimate(value, None, None, n, float(n), "mean over seeds", ALPHA)
    reach = float(stats.t.ppf(1 - ALPHA / 2, n - 1) * lifts.std(ddof=1) / np.sqrt(n))
    return Estimate(value, value - reach, value + reach, n, float(n), "mean over seeds, t", ALPHA)
