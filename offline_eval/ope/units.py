"""Whether any unit came twice: only then do rows of one unit have to be kept together."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from offline_eval.ope.batch import Integers

FIRST_LOOK = 16_384
KEPT = 20_000_000
"""Units beyond which they are no longer told apart one by one, and count as repeated."""


@dataclass(frozen=True, slots=True)
class Units:
    """The units of some rows, mergeable.

    Attributes:
        seen: (u,) sorted hashes while every unit had one row; None once any had two.
    """

    seen: NDArray[np.integer] | None

    @property
    def repeated(self) -> bool:
        """Whether some unit has several rows."""
        return self.seen is None

    def __add__(self, other: "Units") -> "Units":
        if self.seen is None or other.seen is None:
            return Units(None)
        return _distinct(np.concatenate([self.seen, other.seen]))


def units_of(unit: Integers) -> Units:
    """From the hashes (m,) of each row's unit; a repeat among the first rows ends the search."""
    first = _distinct(unit[:FIRST_LOOK])
    return first if first.repeated or len(unit) <= FIRST_LOOK else _distinct(unit)


def _distinct(unit: Integers) -> Units:
    ordered = np.sort(unit)
    several = len(unit) > KEPT or bool((ordered[1:] == ordered[:-1]).any())
    return Units(None if several else ordered)
