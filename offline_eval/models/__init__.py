"""Outcome models by name, in sight: what an arm would have earned with a row. A new one is one file and one line."""

from collections.abc import Callable

from offline_eval.models.boosting import Boosting
from offline_eval.models.crossfit import FOLDS, CrossFitted, cross_fit, fold_of
from offline_eval.models.logistic import Logistic
from offline_eval.models.means import Means
from offline_eval.models.outcome import Examples, OutcomeModel, arm_matrix
from offline_eval.models.ridge import Linear

OUTCOME_MODELS: dict[str, Callable[[], OutcomeModel]] = {
    "means": Means,
    "linear": Linear,
    "logistic": Logistic,
    "boosting": Boosting,
}

DEFAULT_OUTCOME_MODEL = "linear"

__all__ = [
    "DEFAULT_OUTCOME_MODEL",
    "FOLDS",
    "OUTCOME_MODELS",
    "CrossFitted",
    "Examples",
    "OutcomeModel",
    "arm_matrix",
    "cross_fit",
    "fold_of",
]
