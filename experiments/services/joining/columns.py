"""Rounds as columns, from which cells and trust sums are added up: of a joiner's batch, or of a whole exported log."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from experiments.store.rollups.cells import EligibleArms

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Name = TypeVar("Name", bound=Hashable)

SEGMENTS = 32
OTHER = "(other)"
"""Where rounds of segments go that were met after the first SEGMENTS."""


class Named(NamedTuple, Generic[Name]):
    """A column of few different values: (n,) codes into `names`."""

    codes: Integers
    names: Sequence[Name]

    @classmethod
    def of(cls, values: Sequence[Name]) -> "Named[Name]":
        """From values."""
        places: dict[Name, int] = {}
        codes = [places.setdefault(value, len(places)) for value in values]
        return cls(np.array(codes, dtype=np.int64), list(places))


@dataclass(frozen=True, slots=True)
class RoundColumns:
    """n matured decisions that were neither forced nor rejected by a replay.

    Attributes:
        revision: (n,). variant, arm, segment: names by code.
        voided: (n,). first: (n,) the unit's first decision in the experiment. exposed: (n,) delivered or viewed.
        adaptive: (n,) whether the variant draws, so that its arms can be contrasted.
        draw: (n,) the number u behind the draw; NaN where it can no longer be derived.
        day: (n,) since 1970 in the experiment's time zone. reward: (n,).
        values: M of (n,) in the order of `model.arm_metrics`.
        eligible: (n,) codes into `sets`.
        pmfs: (n, K) each round's probabilities in the order of its set, 0 beyond the end of a smaller one.
        place: (n,) of the drawn arm in its set, -1 where it is not in it. p: (n,) its probability, 0 there.
        arms: names of all arms met, drawn or eligible; `arm` is coded by them.
    """

    revision: Integers
    variant: Named[str]
    arm: Integers
    segment: Named[str]
    voided: Flags
    first: Flags
    exposed: Flags
    adaptive: Flags
    draw: Floats
    day: Integers
    reward: Floats
    values: Sequence[Floats]
    eligible: Integers
    sets: Sequence[EligibleArms]
    pmfs: Floats
    place: Integers
    p: Floats
    arms: Sequence[str]

    def __len__(self) -> int:
        return len(self.revision)


DENSE = 8
"""A table of all combinations pays where it is at most so many times as long as the column."""


def grouped(*codes: Integers) -> tuple[Integers, Integers]:
    """(distinct rows (G, d) in their order, group of each row (n,)) of d columns of small numbers."""
    sizes = [int(code.max()) + 1 if len(code) else 1 for code in codes]
    flat = codes[0].astype(np.int64)
    for code, size in zip(codes[1:], sizes[1:], strict=True):
        flat *= size
        flat += code
    distinct, group = _distinct(flat, math.prod(sizes))
    rows = np.empty((len(distinct), len(codes)), dtype=np.int64)
    for place in range(len(codes) - 1, -1, -1):
        distinct, rows[:, place] = np.divmod(distinct, sizes[place])
    return rows, group


def _distinct(flat: Integers, size: int) -> tuple[Integers, Integers]:
    if size > DENSE * len(flat) + 1024:
        distinct, group = np.unique(flat, return_inverse=True)
        return distinct, group.reshape(-1)
    seen = np.zeros(size, dtype=bool)
    seen[flat] = True
    distinct = np.flatnonzero(seen)
    table = np.cumsum(seen) - 1
    return distinct, table[flat]


class Drawing(NamedTuple):
    """What the draws were made from: `pmfs`, `place` and `p` of RoundColumns."""

    pmfs: Floats
    place: Integers
    p: Floats


def drawing(flat: Floats, eligible: Integers, sets: Sequence[Integers], arm: Integers) -> Drawing:
    """From n pmfs one after the other; `sets` are the codes of their arms, `eligible` says whose is which."""
    sizes = np.array([len(one) for one in sets], dtype=np.int64)
    width = int(sizes.max(initial=0))
    arms = 1 + max((int(codes.max()) for codes in (arm, *sets) if len(codes)), default=0)
    place_of = np.full((len(sets), arms), -1, dtype=np.int64)
    for code, one in enumerate(sets):
        place_of[code, one] = np.arange(len(one))
    place = place_of[eligible, arm]
    pmfs = _as_rows(flat, sizes[eligible], width)
    p = np.where(place >= 0, pmfs[np.arange(len(arm)), place], 0.0) if width else np.zeros(len(arm))
    return Drawing(pmfs, place, p)


def _as_rows(flat: Floats, sizes: Integers, width: int) -> Floats:
    if len(flat) == len(sizes) * width:
        return flat.reshape(-1, width)
    rows = np.zeros((len(sizes), width))
    rows[np.arange(width) < sizes[:, None]] = flat
    return rows
