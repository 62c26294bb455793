"""What a candidate policy is to the judge: probabilities over the arms of logged rows."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from offline_eval.logs.batch import Floats, LogBatch


class Candidate(Protocol):
    """A policy to judge. Its pmf is restricted to the arms that were eligible in the row."""

    @property
    def name(self) -> str:
        """As in results."""
        ...

    @property
    def trained(self) -> bool:
        """Whether it was trained on the log; it is then judged only on rows that it did not learn from."""
        ...

    def target(self, rows: LogBatch) -> Floats:
        """The pmf over the K arms of the log, shape (n, K)."""
        ...

    def chosen(self, rows: LogBatch) -> Floats:
        """The probability of the logged arm, shape (n,): all that estimators without a model need."""
        ...

    def fallback(self, rows: LogBatch) -> NDArray[np.bool_] | None:
        """Where the arm it wanted was not eligible, shape (n,); None where that cannot happen."""
        ...


def of_chosen(target: Floats, rows: LogBatch) -> Floats:
    """The logged arms' entries of a pmf (n, K)."""
    return np.take_along_axis(target, rows.arm[:, None], axis=1)[:, 0]


def one_hot(arm: NDArray[np.int64], count: int) -> Floats:
    """Shape (n, K): all mass on one arm."""
    target = np.zeros((len(arm), count))
    target[np.arange(len(arm)), arm] = 1.0
    return target


def restricted(target: Floats, rows: LogBatch) -> Floats:
    """A pmf with its mass outside the eligible set spread over the set in proportion, evenly where nothing is left."""
    if rows.eligible is None:
        return target
    inside = target * rows.eligible
    mass = inside.sum(axis=1, keepdims=True)
    even = rows.eligible / rows.eligible.sum(axis=1, keepdims=True)
    return np.asarray(np.where(mass > 0, inside / np.where(mass > 0, mass, 1.0), even))
