"""How likely every arm was: uniform, logged, the observed shares within strata, or fitted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from offline_eval.logs.batch import Categorical, Floats, LogBatch
from offline_eval.logs.scan import Scan

Mask = NDArray[np.bool_]


class Propensities(Protocol):
    """The logging pmf of a batch, shape (n, K), 0 outside the eligible set."""

    def pmf(self, stratum: Categorical | None, n: int, eligible: Mask | None) -> Floats:
        """May be a read-only view."""
        ...


@dataclass(frozen=True)
class Uniform:
    """Every eligible arm equally likely."""

    count: int

    def pmf(self, stratum: Categorical | None, n: int, eligible: Mask | None) -> Floats:
        """1 / number of eligible arms."""
        del stratum
        if eligible is None:
            return np.broadcast_to(np.full(self.count, 1.0 / self.count), (n, self.count))
        return np.asarray(eligible / eligible.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class Shares:
    """The observed shares of arms within each stratum."""

    names: tuple[str, ...]
    table: Floats

    @classmethod
    def of(cls, scan: Scan, keys: Sequence[str]) -> "Shares":
        """From the counts of (stratum, arm)."""
        names = tuple(dict.fromkeys(stratum for stratum, _ in scan.shares))
        rows, columns = {n: i for i, n in enumerate(names)}, {k: i for i, k in enumerate(keys)}
        table = np.zeros((len(names), len(keys)))
        for (stratum, arm), count in scan.shares.items():
            table[rows[stratum], columns[arm]] = count
        return cls(names, table / table.sum(axis=1, keepdims=True))

    def pmf(self, stratum: Categorical | None, n: int, eligible: Mask | None) -> Floats:
        """The row's stratum; eligible sets are strata of their own, so nothing is left to mask."""
        del eligible
        if stratum is None:
            return np.broadcast_to(self.table[0], (n, self.table.shape[1]))
        return np.asarray(self.table[self.places(stratum)])

    def places(self, stratum: Categorical) -> NDArray[np.int64]:
        """(n,) each row's place in the table."""
        rows = {name: index for index, name in enumerate(self.names)}
        return np.array([rows[name] for name in stratum.values], dtype=np.int64)[stratum.codes]


Fitted = Callable[[LogBatch], Floats]
"""A fitted model of the choice: batch → pmf (n, K), each row from a model that did not see it."""
