"""The plug-in policy: for every row the arm that an outcome model thinks best."""

from dataclasses import dataclass

import numpy as np

from offline_eval.candidates.candidate import of_chosen, one_hot
from offline_eval.candidates.training import Training
from offline_eval.logs.batch import Floats, LogBatch
from offline_eval.logs.log import Log
from offline_eval.models import OUTCOME_MODELS, CrossFitted, cross_fit
from offline_eval.models.design import Design
from offline_eval.models.outcome import Examples, arm_matrix


@dataclass(frozen=True)
class PlugIn:
    """argmax_a q̂(x, a) among the eligible arms, by a model that did not see the row's unit (or any later row)."""

    model: CrossFitted
    name: str = "plug_in"
    trained: bool = True

    def target(self, rows: LogBatch) -> Floats:
        """One-hot, shape (n, K)."""
        predicted = self.model.predict(rows)
        if rows.eligible is not None:
            predicted = np.where(rows.eligible, predicted, -np.inf)
        return one_hot(predicted.argmax(axis=1), predicted.shape[1])

    def chosen(self, rows: LogBatch) -> Floats:
        """1 where the log agrees, else 0, shape (n,)."""
        return of_chosen(self.target(rows), rows)

    def fallback(self, rows: LogBatch) -> None:
        """Never: it chooses among the eligible arms."""


def train_plug_in(log: Log, training: Training, model: str) -> PlugIn:
    """Cross-fitted by unit, or fitted before the split where there is time."""
    make = OUTCOME_MODELS[model]
    if training.split is None:
        return PlugIn(cross_fit(model, make, training.rows, log.arms))
    (rows,) = training.parts()
    design, fitted = Design.of(rows), make()
    fitted.fit(Examples(design.matrix(rows), rows.arm, rows.reward), arm_matrix(log.arms))
    bounds = (float(rows.reward.min()), float(rows.reward.max()))
    return PlugIn(CrossFitted(model, design, (fitted,), bounds, len(log.arms)))
