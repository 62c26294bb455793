"""Ridge regression with main effects that arms share and interactions of each arm's own, from sums alone.

Hoerl & Kennard (1970); two stages, as in hierarchical shrinkage: first y ~ x + φ(a) over all arms, then for each arm
its residual ~ x, pulled to zero by the penalty. An arm with few rows keeps to what arms like it do.
"""

import numpy as np

from offline_eval.logs.batch import Floats
from offline_eval.models.outcome import Examples


def shared_then_own(examples: Examples, arms: Floats, penalty: float) -> Floats:
    """Coefficients of every arm, shape (K, d)."""
    gram, moment = _sums(examples, len(arms))
    shared, offset = _shared(gram, moment, arms, penalty)
    base = np.broadcast_to(shared, moment.shape).copy()
    base[:, 0] += offset
    residual = moment - np.einsum("kij,kj->ki", gram, base)
    return np.asarray(base + np.linalg.solve(gram + penalty * np.eye(gram.shape[1]), residual[:, :, None])[:, :, 0])


def _sums(examples: Examples, count: int) -> tuple[Floats, Floats]:
    """(XᵀX (K, d, d), Xᵀy (K, d)) by arm."""
    width = examples.x.shape[1]
    gram, moment = np.zeros((count, width, width)), np.zeros((count, width))
    order = np.argsort(examples.arm, kind="stable")
    bounds = np.searchsorted(examples.arm[order], np.arange(count + 1))
    for arm in range(count):
        rows = order[bounds[arm] : bounds[arm + 1]]
        x = examples.x[rows]
        gram[arm], moment[arm] = x.T @ x, x.T @ examples.reward[rows]
    return gram, moment


def _shared(gram: Floats, moment: Floats, arms: Floats, penalty: float) -> tuple[Floats, Floats]:
    """(coefficients of x (d,), what φ(a) adds to each arm (K,)); everything but the intercept is penalised."""
    width, features = gram.shape[1], arms.shape[1]
    total = np.zeros((width + features, width + features))
    total[:width, :width] = gram.sum(axis=0)
    total[:width, width:] = gram[:, :, 0].T @ arms
    total[width:, :width] = total[:width, width:].T
    total[width:, width:] = (arms * gram[:, [0], 0]).T @ arms
    right = np.concatenate([moment.sum(axis=0), arms.T @ moment[:, 0]])
    ridge = np.full(width + features, penalty)
    ridge[0] = 1e-9
    solved = np.linalg.solve(total + np.diag(ridge), right)
    return solved[:width], arms @ solved[width:]


class Linear:
    """q̂(x, a) = x · β_a, by ridge. Fast and mergeable; the default."""

    def __init__(self, penalty: float = 20.0) -> None:
        self.penalty = penalty
        self.coefficients: Floats = np.zeros((0, 0))

    def fit(self, examples: Examples, arms: Floats) -> None:
        """Solve the normal equations."""
        self.coefficients = shared_then_own(examples, arms, self.penalty)

    def predict(self, x: Floats) -> Floats:
        """Shape (n, K)."""
        return x @ self.coefficients.T
