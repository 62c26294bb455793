"""A policy known row by row: an arm, or probabilities, for every row of the log."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from offline_eval.candidates.candidate import of_chosen, one_hot, restricted
from offline_eval.logs.batch import Floats, LogBatch

OUTSIDE = 1e-9
"""Probability on arms that were not eligible from which a row counts as having fallen back."""


def missed(target: Floats, rows: LogBatch) -> NDArray[np.bool_] | None:
    """Where a pmf (n, K) wanted an arm that was not eligible, shape (n,); None where every arm always was."""
    if rows.eligible is None:
        return None
    return np.asarray(np.where(rows.eligible, 0.0, target).sum(axis=1) > OUTSIDE)


@dataclass(frozen=True)
class ByRow:
    """Probabilities, or one arm, for each row by its number in the log.

    Attributes:
        table: (m, K) pmfs, or (m,) indices of arms.
        place: (n,) the entry of the table that belongs to each row of the log; None: the row's own number.
        control: index of the arm that is taken where the one arm was not eligible; None: evenly whatever was.
    """

    name: str
    count: int
    table: NDArray[np.floating] | NDArray[np.integer] = field(repr=False)
    place: NDArray[np.int64] | None = field(default=None, repr=False)
    control: int | None = None
    trained: bool = False

    def wanted(self, rows: LogBatch) -> Floats:
        """The pmf before anything is restricted, shape (n, K)."""
        found = self.table[rows.row if self.place is None else self.place[rows.row]]
        return one_hot(found.astype(np.int64), self.count) if found.ndim == 1 else np.asarray(found, dtype=np.float64)

    def target(self, rows: LogBatch) -> Floats:
        """Within the eligible arms, shape (n, K): an ineligible arm gives way to the control, a pmf is scaled."""
        wanted = self.wanted(rows)
        outside = missed(wanted, rows)
        if outside is None or not outside.any():
            return wanted
        if self.table.ndim == 1 and self.control is not None:
            wanted[outside] = one_hot(np.full(int(outside.sum()), self.control), self.count)
        return restricted(wanted, rows)

    def chosen(self, rows: LogBatch) -> Floats:
        """The logged arms' probabilities, shape (n,)."""
        return of_chosen(self.target(rows), rows)

    def fallback(self, rows: LogBatch) -> NDArray[np.bool_] | None:
        """Where an arm it wanted was not eligible, shape (n,)."""
        return missed(self.wanted(rows), rows)
