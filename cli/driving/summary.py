"""What a drive came to, as EST: the played policy, uniform assignment and the best fixed arm."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from offline_eval.estimate import Estimate
from offline_eval.logs import Log
from offline_eval.replay import replay

ALPHA = 0.05
Floats = NDArray[np.float64]


def mean(values: Floats) -> Estimate:
    """The mean with its normal interval. `values` has shape (n,)."""
    n = len(values)
    if n < 2:
        return Estimate(float(values[0]) if n else None, None, None, n, float(n), "replay", ALPHA)
    value = float(values.mean())
    reach = float(scipy.stats.norm.ppf(1 - ALPHA / 2) * values.std(ddof=1) / np.sqrt(n))
    return Estimate(value, value - reach, value + reach, n, float(n), "replay, normal", ALPHA)


@dataclass(frozen=True, slots=True)
class Baselines:
    """What uniform assignment and the best single arm earn on the log, as `winback replay` says it (SNIPS).

    The arm is chosen on the rows that it is judged on: if anything, that flatters it.
    """

    uniform: Mapping[str, Any]
    best_fixed: Mapping[str, Any]

    @classmethod
    def of(cls, log: Log) -> "Baselines":
        """Both, from the whole log. Raises LogError where the log has no arm."""
        found = replay(log, ["uniform", "fixed"], ["snips"])["policies"]
        values = {name: result["estimates"]["snips"] for name, result in found.items()}
        arms = {name.partition(":")[2]: value for name, value in values.items() if name.startswith("fixed:")}
        best = max(arms, key=lambda arm: arms[arm]["value"] if arms[arm]["value"] is not None else -np.inf)
        return cls(values["uniform"], {**arms[best], "arm": best})


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

    def document(self, log: str, baselines: Baselines) -> dict[str, Any]:
        """The JSON of the contract, for the log of this name."""
        rewards = np.array(self.rewards, dtype=np.float64)
        return {
            "log": log,
            "policy": self.policy,
            "seed": self.seed,
            "decisions": self.decisions,
            "matched": len(rewards),
            "voided": self.decisions - len(rewards),
            "snapshots": self.snapshots,
            "objective": {
                "policy": mean(rewards).as_dict(),
                "policy_second_half": mean(rewards[self.first_half :]).as_dict(),
                "uniform": baselines.uniform,
                "best_fixed": baselines.best_fixed,
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
    reach = float(scipy.stats.t.ppf(1 - ALPHA / 2, n - 1) * lifts.std(ddof=1) / np.sqrt(n))
    return Estimate(value, value - reach, value + reach, n, float(n), "mean over seeds, t", ALPHA)
