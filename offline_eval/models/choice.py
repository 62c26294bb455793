"""Propensities for a log that has none: a multinomial model of the logged choice, cross-fitted.

They stand for the true ones only if the context holds everything the choice depended on; what is judged with them is
labelled so and never gets more than `caution`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from offline_eval.logs.batch import Floats, LogBatch
from offline_eval.models.crossfit import FOLDS, fold_of
from offline_eval.models.design import Design

LEAST = 1e-4
"""Fitted probabilities are not believed below this."""


@dataclass(frozen=True)
class FittedChoice:
    """P(arm | context) by fold; callable on a batch of the log, shape (n, K)."""

    design: Design
    models: tuple[Any, ...]
    count: int

    def __call__(self, rows: LogBatch) -> Floats:
        """Each row by the model that did not see its unit; 0 outside the eligible set."""
        x, fold = self.design.matrix(rows), fold_of(rows.unit, len(self.models))
        pmf = np.zeros((len(rows), self.count))
        for index, model in enumerate(self.models):
            mine = np.flatnonzero(fold == index)
            if len(mine):
                pmf[np.ix_(mine, model.classes_)] = model.predict_proba(x[mine, 1:] if x.shape[1] > 1 else x[mine])
        pmf = np.maximum(pmf, LEAST)
        if rows.eligible is not None:
            pmf = pmf * rows.eligible
        return np.asarray(pmf / pmf.sum(axis=1, keepdims=True))


def fit_choice(rows: LogBatch, arms: Sequence[object], folds: int = FOLDS) -> FittedChoice:
    """Fit one multinomial logistic regression for each fold on the rows of all others."""
    # Imported here, because it takes seconds and the worker needs it for few logs.
    from sklearn.linear_model import LogisticRegression

    design = Design.of(rows)
    x, fold = design.matrix(rows), fold_of(rows.unit, folds)
    x = x[:, 1:] if x.shape[1] > 1 else x
    models = []
    for index in range(folds):
        others = fold != index
        models.append(LogisticRegression(C=1.0, max_iter=500).fit(x[others], rows.arm[others]))
    return FittedChoice(design, tuple(models), len(arms))
