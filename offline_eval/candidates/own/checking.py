"""What may be wrong with an analyst's own policy, told with row and remedy."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from offline_eval.candidates.errors import PolicyFaultsError
from offline_eval.logs.batch import Floats

SUM_TOLERANCE = 1e-4
"""How far from 1 a row's probabilities may add up; what is left is scaled away."""

SHOWN = 5
"""Rows named for each kind of fault."""

NEGATIVE = "a probability is below 0"
WRONG_SUM = "the probabilities do not add up to 1; divide each row by its sum if they are weights"

Rows = int | NDArray[np.int64]


@dataclass
class Faults:
    """Gathers what is wrong and raises all of it at once. Rows are counted from 0 here and from 1 in sentences."""

    policy: str
    found: dict[str, list[int]] = field(default_factory=dict)

    def note(self, bad: NDArray[np.bool_], sentence: str, row: Rows = 0) -> None:
        """Rows where `bad` (n,) holds; `row`: the number of the first of the n, or the numbers of all (n,)."""
        rows = (row[bad] if isinstance(row, np.ndarray) else np.flatnonzero(bad) + row).tolist()
        if rows:
            self.found.setdefault(sentence, []).extend(rows)

    def add(self, row: int, sentence: str) -> None:
        """One row."""
        self.found.setdefault(sentence, []).append(row)

    def close(self) -> None:
        """Raise PolicyFaultsError where anything was noted."""
        if self.found:
            raise PolicyFaultsError(self.policy, [_told(rows, sentence) for sentence, rows in self.found.items()])


def _told(rows: Sequence[int], sentence: str) -> str:
    shown = ", ".join(f"{row + 1:,}" for row in rows[:SHOWN])
    more = "" if len(rows) <= SHOWN else f" and {len(rows) - SHOWN:,} more"
    return f"{'row' if len(rows) == 1 else 'rows'} {shown}{more}: {sentence}"


def unknown_arm(value: str, keys: Sequence[str]) -> str:
    """That there is no such arm, with the nearest that there is."""
    near = difflib.get_close_matches(value, keys, 1)
    hint = f"did you mean '{near[0]}'?" if near else f"the log's arms are {', '.join(keys)}"
    return f"'{value}' is not an arm of the log; {hint}"


def check_pmf(pmf: Floats, faults: Faults, row: Rows = 0) -> Floats:
    """The probabilities (n, K), each row scaled to 1; what cannot be a pmf is noted."""
    with np.errstate(invalid="ignore"):
        finite = np.asarray(np.isfinite(pmf).all(axis=1))
        negative = np.asarray(finite & (pmf < 0).any(axis=1))
        total = pmf.sum(axis=1)
        wrong = finite & ~negative & ~(np.abs(total - 1.0) <= SUM_TOLERANCE)
    faults.note(~finite, "a probability is missing or no number; give one for every arm, 0 where never chosen", row)
    faults.note(negative, NEGATIVE, row)
    faults.note(wrong, WRONG_SUM, row)
    return np.asarray(pmf / np.where(total > 0, total, 1.0)[:, None])
