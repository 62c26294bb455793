"""A batch's random order: a total that ends inside it goes to whom chance serves first, not to the lowest ids.

The place of a unit, or of a file's row, is a hash under the experiment's salt and the batch's number: the same whenever
the batch goes on, and independent of what is drawn for the unit.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from experiments.model.deciding.hashing import place_in_batch


class Order(NamedTuple):
    """The experiment's salt and the batch's number."""

    salt: bytes
    number: int

    def of(self, names: Iterable[str]) -> npt.NDArray[np.uint64]:
        """The places of units or rows."""
        return np.fromiter((place_in_batch(self.salt, self.number, name) for name in names), np.uint64)


def shuffled_units(units: list[str], order: Order, after: str, size: int) -> Iterator[tuple[str, list[str]]]:
    """Pages of units that come after a place, each with the place of its last, which names nobody.

    Units that share a place, as one in 10^13 may, come on the same page.
    """
    units = sorted(units)
    places = order.of(units)
    ranks = np.argsort(places, kind="stable")
    rising = places[ranks]
    start = int(np.searchsorted(rising, np.uint64(int(after, 16)), side="right")) if after else 0
    while start < len(units):
        last = rising[min(start + size, len(units)) - 1]
        end = int(np.searchsorted(rising, last, side="right"))
        yield f"{last:016x}", [units[n] for n in ranks[start:end]]
        start = end


def shuffled_rows(count: int, order: Order) -> npt.NDArray[np.int64]:
    """The numbers of a file's rows as they are taken."""
    return np.argsort(order.of(map(str, range(count))), kind="stable")
