"""Gradient-boosted trees over context, arm and the arm's features (sklearn's histogram boosting)."""

from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from offline_eval.logs.batch import Floats
from offline_eval.models.outcome import Examples

CATEGORIES = 200
"""Most arms that the trees may split as categories; more are told apart by their features only."""

FEW = 50_000


class Boosting:
    """q̂(x, a) by squared loss, which estimates the mean of any reward, 0/1 ones included."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.model: Any = None
        self.arms: Floats = np.zeros((0, 0))

    def fit(self, examples: Examples, arms: Floats) -> None:
        """Shallow trees, a low rate and large leaves: rewards are mostly noise."""
        # Imported here, because it takes seconds and the service knows this model by name only.
        from sklearn.ensemble import HistGradientBoostingRegressor

        self.arms = np.hstack([np.arange(len(arms))[:, None], arms]) if len(arms) <= CATEGORIES else arms
        self.model = HistGradientBoostingRegressor(
            max_iter=80,
            learning_rate=0.05,
            max_depth=4,
            min_samples_leaf=100,
            categorical_features=[0] if len(arms) <= CATEGORIES else None,
            random_state=self.seed,
            early_stopping=False,
        )
        # On few rows the trees' threads wait for each other far longer than they work.
        with threadpool_limits(1 if len(examples.arm) < FEW else None):
            self.model.fit(np.hstack([self.arms[examples.arm], examples.x[:, 1:]]), examples.reward)

    def predict(self, x: Floats) -> Floats:
        """Shape (n, K)."""
        columns = [
            self.model.predict(np.hstack([np.broadcast_to(arm, (len(x), len(arm))), x[:, 1:]])) for arm in self.arms
        ]
        return np.column_stack(columns)
