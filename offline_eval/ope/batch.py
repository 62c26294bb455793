"""Columns of logged rows seen from one target policy: what every estimator reads."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from offline_eval.ope.errors import BatchError, MissingColumnError

Floats: TypeAlias = NDArray[np.floating]
Integers: TypeAlias = NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Batch:
    """n logged rows over a universe of K arms, and one target policy's probabilities for them.

    float32 and float64 columns are both read; sums are always float64.

    Attributes:
        action: (n,) integer, index of the logged arm in 0..K-1.
        propensity: (n,) probability in (0, 1] with which the logged arm was drawn.
        reward: (n,) finite.
        target_chosen: (n,) target policy's probability of the logged arm.
        target: (n, K) target pmf, 0 outside the eligible set; needed by the estimators with a model term and by MIPS.
        q: (n, K) reward predictions, cross-fitted: never from a model that saw the row.
        logged: (n, K) logging pmf, 0 outside the eligible set; needed by MIPS, and for exact support diagnostics.
        eligible: (n, K) whether each arm could have been drawn; None: every arm always, as far as the log says.
        unit: (n,) unsigned hash of the unit; rows of one unit are clustered. None: every row is its own unit.
        position: (n,) slot the arm was shown in, for logs with several.
        mixture_propensity: (n,) probability of the logged arm averaged over all logging policies by their shares.
        category: (K,) code of each arm's category, for MIPS.
        segment: (n,) code of the row's segment in 0..S-1, for diagnostics.
        period: (n,) code of the row's period of time in 0..T-1, for diagnostics of drift.
        first_row: number of the first row in the whole log, so that results do not depend on how it is cut.
    """

    action: Integers
    propensity: Floats
    reward: Floats
    target_chosen: Floats
    target: Floats | None = None
    q: Floats | None = None
    logged: Floats | None = None
    eligible: NDArray[np.bool_] | None = None
    unit: Integers | None = None
    position: Integers | None = None
    mixture_propensity: Floats | None = None
    category: Integers | None = None
    segment: Integers | None = None
    period: Integers | None = None
    first_row: int = 0

    @classmethod
    def of(cls, action: Integers, propensity: Floats, reward: Floats, target: Floats, **columns: object) -> Self:
        """A batch whose `target_chosen` is read off `target` (n, K)."""
        chosen = target.ravel().take(np.arange(0, target.size, target.shape[1]) + action)
        return cls(action, propensity, reward, chosen, target, **columns)  # type: ignore[arg-type]

    def seen_from(self, target: Floats) -> Self:
        """The same rows from another target policy (n, K)."""
        chosen = target.ravel().take(np.arange(0, target.size, target.shape[1]) + self.action)
        return replace(self, target=target, target_chosen=chosen)

    def __len__(self) -> int:
        return len(self.action)

    def rows(self, start: int, stop: int) -> Self:
        """The rows start..stop-1 as views, nothing copied."""
        columns = {name: getattr(self, name) for name in PER_ROW}
        parts = {name: column[start:stop] for name, column in columns.items() if column is not None}
        return replace(self, **parts, first_row=self.first_row + start)

    def chunks(self, size: int) -> Iterator[Self]:
        """Consecutive parts of at most `size` rows."""
        for start in range(0, len(self), size):
            yield self.rows(start, min(start + size, len(self)))

    def need(self, column: str, why: str) -> Floats:
        """The column, or MissingColumnError saying why it is needed."""
        values: Floats | None = getattr(self, column)
        if values is None:
            raise MissingColumnError(column, why)
        return values

    def check(self) -> Self:
        """This batch, or BatchError naming the first offending row. For doors; estimators do not check again."""
        for name in PER_ROW:
            values = getattr(self, name)
            if values is not None and len(values) != len(self):
                raise BatchError(f"column {name!r} has {len(values)} rows, the batch has {len(self)}")
        self._refuse(~((self.propensity > 0) & (self.propensity <= 1)), "propensity is outside (0, 1]")
        self._refuse(~((self.target_chosen >= 0) & (self.target_chosen <= 1 + 1e-9)), "target is outside [0, 1]")
        self._refuse(~np.isfinite(self.reward), "reward is not finite")
        if self.target is not None:
            self._refuse(np.abs(self.target.sum(axis=1) - 1.0) > 1e-5, "target pmf does not sum to 1")
        return self

    def _refuse(self, bad: NDArray[np.bool_], fault: str) -> None:
        if bad.any():
            raise BatchError(f"row {self.first_row + int(np.argmax(bad))}: {fault}; mend or drop it before evaluating")


PER_ROW = tuple(column.name for column in fields(Batch) if column.name not in {"category", "first_row"})
"""Names of the columns with one entry per row."""
