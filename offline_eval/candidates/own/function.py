"""A policy of one's own as a Python function from contexts to probabilities.

    def pmf(contexts: Contexts) -> np.ndarray: ...          # (n, K): a row for each decision, an arm in each column
    replay(log, ["fixed"], options=Options(extra=(own("mine", pmf, log),)))

The function must not have learned from the log's outcomes; a policy that has is judged too well.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from offline_eval.candidates.candidate import of_chosen, restricted
from offline_eval.candidates.errors import PolicyFaultsError
from offline_eval.candidates.own.checking import Faults, check_pmf
from offline_eval.candidates.own.table import missed
from offline_eval.logs.batch import Floats, LogBatch
from offline_eval.logs.log import Log

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Contexts:
    """What was known before each of n decisions; nothing that came after.

    Attributes:
        arms: the K arms, in the order of the columns that are expected.
        columns: the spec's context: numbers as float64 (NaN is missing), texts as objects (None is missing), each (n,).
        eligible: (n, K), or None where every arm always was; mass outside it is moved to the eligible arms.
        row: (n,) positions in the log, from 0.
        unit: (n,) ids, None where the log has no unit column.
        time: (n,) seconds, None where the log has no time.
    """

    arms: tuple[str, ...]
    columns: Mapping[str, NDArray[np.generic]]
    eligible: NDArray[np.bool_] | None
    row: NDArray[np.int64]
    unit: NDArray[np.object_] | None
    time: Floats | None

    def __len__(self) -> int:
        return len(self.row)

    def frame(self) -> "pd.DataFrame":
        """The context columns, indexed by row."""
        import pandas as pd  # takes long to import, and a worker that starts needs it seldom

        return pd.DataFrame(dict(self.columns), index=pd.Index(self.row, name="row"))


Pmf = Callable[[Contexts], Floats]


@dataclass(frozen=True)
class Own:
    """A function as a candidate. `arms` are the log's; see `own`."""

    name: str
    pmf: Pmf = field(repr=False)
    arms: tuple[str, ...] = ()
    trained: bool = False

    def wanted(self, rows: LogBatch) -> Floats:
        """What the function says, shape (n, K). Raises PolicyFaultsError where that is no pmf."""
        found = self._answer(_contexts(rows, self.arms))
        if found.shape != (len(rows), len(self.arms)):
            order = ", ".join(self.arms)
            told = (
                f"gave an array of shape {found.shape}, not {(len(rows), len(self.arms))}: a column for each of {order}"
            )
            raise PolicyFaultsError(self.name, [told])
        faults = Faults(self.name)
        pmf = check_pmf(found, faults, rows.row)
        faults.close()
        return pmf

    def _answer(self, contexts: Contexts) -> Floats:
        try:
            return np.asarray(self.pmf(contexts), dtype=np.float64)
        except Exception as error:  # whatever an analyst's function raises fails that function alone
            told = f"failed with {type(error).__name__}: {error}; it must give an array of numbers for every batch"
            raise PolicyFaultsError(self.name, [told]) from error

    def target(self, rows: LogBatch) -> Floats:
        """Within the eligible arms, shape (n, K)."""
        return restricted(self.wanted(rows), rows)

    def chosen(self, rows: LogBatch) -> Floats:
        """The logged arms' probabilities, shape (n,)."""
        return of_chosen(self.target(rows), rows)

    def fallback(self, rows: LogBatch) -> NDArray[np.bool_] | None:
        """Where an arm it wanted was not eligible, shape (n,)."""
        return None if rows.eligible is None else missed(self.wanted(rows), rows)


def own(name: str, pmf: Pmf, log: Log) -> Own:
    """A candidate from a function, which must answer in the order of `log.keys`."""
    return Own(name, pmf, log.keys)


def _contexts(rows: LogBatch, arms: tuple[str, ...]) -> Contexts:
    texts = {name: np.array(column.texts(), dtype=object) for name, column in rows.categorical.items()}
    unit = None if rows.unit_id is None else np.array(rows.unit_id.texts(), dtype=object)
    return Contexts(arms, {**rows.numeric, **texts}, rows.eligible, rows.row, unit, rows.time)
