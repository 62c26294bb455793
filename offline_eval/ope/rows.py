"""What the estimators share about one chunk of rows, computed once each."""

from functools import cached_property

import numpy as np

from offline_eval.moments import Matrix
from offline_eval.ope.batch import Batch


class Rows:
    """Weights, model terms and residuals of a chunk of m rows; every property is computed at first use and kept."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch

    @cached_property
    def reward(self) -> Matrix:
        """(m,) r."""
        return self.batch.reward.astype(np.float64, copy=False)

    @cached_property
    def weight(self) -> Matrix:
        """(m,) w = π(a|x) / μ(a|x)."""
        return np.divide(self.batch.target_chosen, self.batch.propensity, dtype=np.float64)

    @cached_property
    def weighted_reward(self) -> Matrix:
        """(m,) w r."""
        return self.weight * self.reward

    @cached_property
    def model(self) -> Matrix:
        """(m,) Σ_a π(a|x) q̂(x, a), the direct method's term."""
        target = self.batch.need("target", "the model term sums over the target's pmf")
        q = self.batch.need("q", "the model term needs reward predictions")
        return np.asarray(np.einsum("nk,nk->n", target, q), dtype=np.float64)

    @cached_property
    def residual(self) -> Matrix:
        """(m,) r - q̂(x, a)."""
        q = self.batch.need("q", "residuals need reward predictions")
        arms = q.shape[1]
        place = np.arange(0, q.size, arms) + self.batch.action
        return np.asarray(self.reward - q.ravel().take(place))

    @cached_property
    def weighted_residual(self) -> Matrix:
        """(m,) w (r - q̂(x, a))."""
        return self.weight * self.residual

    @cached_property
    def squared_weight(self) -> Matrix:
        """(m,) w²."""
        return np.square(self.weight)
