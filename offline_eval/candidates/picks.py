"""Policies that pick one arm for each row: a fixed one, or a marketer's rules, with the control to fall back on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from offline_eval.candidates.candidate import of_chosen, one_hot
from offline_eval.candidates.rule_columns import rule_mask
from offline_eval.logs.batch import Floats, LogBatch


@dataclass(frozen=True)
class Picks:
    """An arm for each row; where it is not eligible the control, and where that is not either, evenly whatever is.

    Attributes:
        lines: (rule or None for "always", arm); the first that holds wins.
        control: index of the arm to fall back on, None where the log has no control.
    """

    name: str
    count: int
    lines: tuple[tuple[Any, int], ...]
    control: int | None
    trained: bool = False

    def picked(self, rows: LogBatch, eligible: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """The arm of the first line that holds and whose arm is eligible, shape (n,); -1 where there is none."""
        if len(self.lines) == 1 and eligible is None:
            return np.full(len(rows), self.lines[0][1])
        arm, undecided = np.full(len(rows), -1), np.ones(len(rows), dtype=np.bool_)
        for rule, index in self.lines:
            hit = undecided if rule is None else undecided & rule_mask(rule, rows)
            hit = hit if eligible is None else hit & eligible[:, index]
            arm[hit] = index
            undecided = undecided & ~hit
        return arm

    def fallback(self, rows: LogBatch) -> NDArray[np.bool_] | None:
        """Where the arm it wanted first was not eligible, shape (n,)."""
        if rows.eligible is None:
            return None
        return np.asarray(~rows.eligible[np.arange(len(rows)), self.picked(rows, None)])

    def target(self, rows: LogBatch) -> Floats:
        """The pmf, shape (n, K)."""
        arm = self.picked(rows, rows.eligible)
        target = one_hot(arm, self.count)
        missed = arm < 0
        if rows.eligible is not None and missed.any():
            target[missed] = self._instead(rows.eligible[missed])
        return target

    def _instead(self, eligible: NDArray[np.bool_]) -> Floats:
        even: Floats = eligible / eligible.sum(axis=1, keepdims=True)
        if self.control is None:
            return even
        control = one_hot(np.full(len(eligible), self.control), self.count)
        return np.where(eligible[:, [self.control]], control, even)

    def chosen(self, rows: LogBatch) -> Floats:
        """1 where the log agrees, else 0; no (n, K) array where every arm was eligible."""
        if rows.eligible is None:
            return np.equal(rows.arm, self.picked(rows, None)).astype(np.float64)
        return of_chosen(self.target(rows), rows)
