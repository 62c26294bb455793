"""Policies that draw: uniformly, as the log did, or by the shares that another log shows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from offline_eval.candidates.candidate import of_chosen, one_hot, restricted
from offline_eval.logs.batch import Floats, LogBatch


@dataclass(frozen=True)
class Uniform:
    """Every eligible arm equally likely."""

    count: int
    name: str = "uniform"
    trained: bool = False

    def target(self, rows: LogBatch) -> Floats:
        """1 / number of eligible arms, shape (n, K)."""
        if rows.eligible is None:
            return np.broadcast_to(np.full(self.count, 1.0 / self.count), (len(rows), self.count))
        return np.asarray(rows.eligible / rows.eligible.sum(axis=1, keepdims=True))

    def chosen(self, rows: LogBatch) -> Floats:
        """The same for every arm, shape (n,)."""
        if rows.eligible is None:
            return np.full(len(rows), 1.0 / self.count)
        return np.asarray(1.0 / rows.eligible.sum(axis=1))

    def fallback(self, rows: LogBatch) -> None:
        """Never."""


@dataclass(frozen=True)
class Logging:
    """The policy that made the log."""

    count: int
    name: str = "logging"
    trained: bool = False

    def target(self, rows: LogBatch) -> Floats:
        """The logged pmf (n, K). Where only the chosen arm's is known, that arm is its own unbiased draw."""
        return rows.pmf if rows.pmf is not None else one_hot(rows.arm, self.count)

    def chosen(self, rows: LogBatch) -> Floats:
        """The logged propensity, shape (n,)."""
        return rows.propensity

    def fallback(self, rows: LogBatch) -> None:
        """Never."""


@dataclass(frozen=True)
class OtherLog:
    """The shares of arms that another log shows in each slot (in all of it, where it has no slots).

    An observed share is an unbiased estimate of the arm's marginal probability under that log's policy, also where the
    policy changed over time.
    """

    name: str
    shares: tuple[tuple[str, tuple[float, ...]], ...]
    trained: bool = False

    @classmethod
    def of(cls, name: str, other: Sequence[LogBatch], keys: Sequence[str], own: Sequence[str]) -> "OtherLog":
        """From the rows of the other log with arms `keys`, over the arms `own` of the log to be judged."""
        place = np.array([own.index(key) if key in own else -1 for key in keys], dtype=np.int64)
        counts: dict[str, NDArray[np.int64]] = {}
        for rows in other:
            slots = rows.position.texts() if rows.position else [""] * len(rows)
            for slot in set(slots):
                arms = place[rows.arm[np.array([s == slot for s in slots])]]
                found = np.bincount(arms[arms >= 0], minlength=len(own))
                counts[slot or ""] = counts.get(slot or "", np.zeros(len(own), dtype=np.int64)) + found
        return cls(name, tuple((slot, tuple((c / c.sum()).tolist())) for slot, c in sorted(counts.items())))

    def target(self, rows: LogBatch) -> Floats:
        """The shares of the row's slot within the eligible set, shape (n, K)."""
        table = np.array([share for _, share in self.shares])
        if rows.position is None or len(table) == 1:
            return restricted(np.broadcast_to(table.mean(axis=0), (len(rows), table.shape[1])), rows)
        slots = [slot for slot, _ in self.shares]
        place = np.array([slots.index(value) for value in rows.position.values], dtype=np.int64)
        return restricted(np.asarray(table[place[rows.position.codes]]), rows)

    def chosen(self, rows: LogBatch) -> Floats:
        """The logged arms' shares, shape (n,)."""
        return of_chosen(self.target(rows), rows)

    def fallback(self, rows: LogBatch) -> None:
        """Never."""
