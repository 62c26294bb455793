"""Cross-fitting: every row is predicted by a model that saw neither the row nor any other row of its unit.

Chernozhukov et al., Double/debiased machine learning (2018), definition 3.1, with folds by unit.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandit.rounds import Arm
from offline_eval.logs.batch import Floats, LogBatch
from offline_eval.models.design import Design
from offline_eval.models.held import held_in_range
from offline_eval.models.outcome import Examples, OutcomeModel, arm_matrix

FOLDS = 5


def fold_of(unit: NDArray[np.uint64], folds: int, salt: int = 0) -> NDArray[np.int64]:
    """The fold 0..folds-1 of each unit's hash, shape (n,); salts give unrelated divisions (splitmix64's finaliser)."""
    mixed = unit + np.uint64((0x9E3779B97F4A7C15 * (salt + 1)) % 2**64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((mixed >> np.uint64(33)) % np.uint64(folds)).astype(np.int64)


@dataclass(frozen=True)
class CrossFitted:
    """One fitted model for each fold, by name; predictions stay in the rewards' range."""

    name: str
    design: Design
    models: tuple[OutcomeModel, ...]
    bounds: tuple[float, float]
    arms: int

    def predict(self, rows: LogBatch) -> Floats:
        """Expected rewards of every arm, shape (n, K), each row by the model of its own fold."""
        x, fold = self.design.matrix(rows), fold_of(rows.unit, len(self.models))
        predicted = np.zeros((len(rows), self.arms))
        for index, model in enumerate(self.models):
            mine = fold == index
            if mine.any():
                predicted[mine] = model.predict(x[mine])
        return np.clip(predicted, *self.bounds, out=predicted)


def cross_fit(
    name: str, make: Callable[[], OutcomeModel], rows: LogBatch, arms: Sequence[Arm], folds: int = FOLDS
) -> CrossFitted:
    """Fit a model for each fold on the rows of all others."""
    design, described = Design.of(rows), arm_matrix(tuple(arms))
    examples, fold = Examples(design.matrix(rows), rows.arm, rows.reward), fold_of(rows.unit, folds)
    bounds = (float(rows.reward.min()), float(rows.reward.max()))
    models = []
    for index in range(folds):
        model, others = make(), examples.take(fold != index)
        model.fit(others, described)
        models.append(held_in_range(model, others.x, bounds))
    return CrossFitted(name, design, tuple(models), bounds, len(arms))
