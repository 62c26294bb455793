"""What an outcome model is: the expected reward of every arm for every row."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bandit.features import signed_log
from bandit.rounds import Arm
from offline_eval.logs.batch import Floats


@dataclass(frozen=True)
class Examples:
    """Rows to fit on: contexts (m, d) with a first column of ones, arms (m,) in 0..K-1, rewards (m,)."""

    x: Floats
    arm: NDArray[np.int64]
    reward: Floats

    def take(self, rows: NDArray[np.bool_]) -> "Examples":
        """Those where `rows` (m,) holds."""
        return Examples(self.x[rows], self.arm[rows], self.reward[rows])


class OutcomeModel(Protocol):
    """Fitted once, then asked. `arms` (K, f) are the arms' own features, by which they share what is learned."""

    def fit(self, examples: Examples, arms: Floats) -> None:
        """Learn from rows."""
        ...

    def predict(self, x: Floats) -> Floats:
        """Expected rewards, shape (n, K), for contexts (n, d)."""
        ...


def arm_matrix(arms: tuple[Arm, ...]) -> Floats:
    """What describes the arms, shape (K, f), standardised: amounts, numeric attributes, a column for each other value.

    Columns that do not vary are dropped; f may be 0.
    """
    named: dict[str, list[float]] = {}
    for index, arm in enumerate(arms):
        for name, value in _described(arm):
            named.setdefault(name, [0.0] * len(arms))[index] = value
    columns = np.array(list(named.values())).reshape(len(named), len(arms)).T
    varied = columns[:, columns.std(axis=0) > 0] if named else columns
    return np.asarray((varied - varied.mean(axis=0)) / varied.std(axis=0)) if varied.size else np.zeros((len(arms), 0))


def _described(arm: Arm) -> list[tuple[str, float]]:
    facts: dict[str, object] = {"event_type": arm.event_type, "reward_kind": arm.reward_kind, **arm.attributes}
    named = [("reward_amount", signed_log(arm.reward_amount))]
    for name, value in facts.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            named.append((name, signed_log(float(value))))
        elif value is not None:
            named.append((f"{name}={value}", 1.0))
    return named
