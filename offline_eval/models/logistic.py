"""Logistic regression for rewards of 0 and 1, with the arms' features, an intercept of each arm, and interactions."""

from typing import Any

import numpy as np

from offline_eval.logs.batch import Floats
from offline_eval.models.outcome import Examples

INTERACTIONS = 600
"""Most columns of arm x context; beyond it arms differ by their intercept and features only."""


class Logistic:
    """q̂(x, a) = σ(x · β + φ(a) · γ + α_a + x · δ_a), penalised (sklearn's L2). Rewards must be 0 or 1."""

    def __init__(self, strength: float = 0.1) -> None:
        self.strength = strength
        self.model: Any = None
        self.arms: Floats = np.zeros((0, 0))
        self.constant: float | None = None

    def fit(self, examples: Examples, arms: Floats) -> None:
        """Raises ValueError where a reward is neither 0 nor 1."""
        if not np.isin(examples.reward, (0.0, 1.0)).all():
            raise ValueError("the logistic outcome model needs rewards of 0 and 1; use 'linear' or 'boosting'")
        self.arms = np.hstack([arms, np.eye(len(arms))])
        if examples.reward.min() == examples.reward.max():
            self.constant = float(examples.reward[0])
            return
        # Imported here, because it takes seconds and the service knows this model by name only.
        from sklearn.linear_model import LogisticRegression

        self.model = LogisticRegression(C=self.strength, max_iter=300)
        self.model.fit(self._columns(examples.x, examples.arm), examples.reward.astype(int))

    def _columns(self, x: Floats, arm: Any) -> Floats:
        chosen = np.broadcast_to(self.arms[arm], (len(x), self.arms.shape[1]))
        parts = [x[:, 1:], chosen]
        if len(self.arms) * (x.shape[1] - 1) <= INTERACTIONS:
            own = chosen[:, -len(self.arms) :]
            parts.append((x[:, 1:, None] * own[:, None, :]).reshape(len(x), -1))
        return np.hstack(parts)

    def predict(self, x: Floats) -> Floats:
        """Shape (n, K)."""
        if self.constant is not None:
            return np.full((len(x), len(self.arms)), self.constant)
        predicted = [self.model.predict_proba(self._columns(x, np.array([arm])))[:, 1] for arm in range(len(self.arms))]
        return np.column_stack(predicted)
