"""A check for features that look into the future: what they say must not change when the future is taken away."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Events: TypeAlias = Mapping[str, pa.Table]
Columns: TypeAlias = Mapping[str, NDArray[np.float64]]
Compute: TypeAlias = Callable[[Events, int], tuple[Sequence[str], Columns]]


def leaking(compute: Compute, events: Events, instants: Sequence[int]) -> dict[str, int]:
    """Features that a later event can change, each with the instant at which it was first caught.

    Args:
        compute: (events, instant) → the units, and name → one number per unit in their order, NaN where missing.
        events: kind → table with columns `unit_id` and `occurred_at` (microseconds), the whole history.
        instants: decisions are imagined at these; each feature is computed from the whole history and from that before.
    """
    found: dict[str, int] = {}
    for at in instants:
        before = {kind: table.filter(pc.less(table["occurred_at"], at)) for kind, table in events.items()}
        whole, past = compute(events, at), compute(before, at)
        for name in sorted(whole[1].keys() | past[1].keys()):
            if name not in found and _by_unit(whole, name) != _by_unit(past, name):
                found[name] = at
    return found


def _by_unit(computed: tuple[Sequence[str], Columns], name: str) -> dict[str, float]:
    units, columns = computed
    values = columns.get(name)
    if values is None:
        return {}
    rounded = np.round(values, 9).tolist()
    return {unit: value for unit, value in zip(units, rounded, strict=True) if value == value}  # noqa: PLR0124 - NaN
