"""Which stretch of the joiner's sequence a round belongs to: at most ERAS of them, however long the experiment runs.

An era has one weight in arm contrasts. It begins where a snapshot begins to draw (or after MOST rounds), though not
before the last one has LEAST rounds: the weight looks at the era's own probabilities, and in a handful of rounds those
would say too much of their contexts. Beyond ERAS eras, or CELLS cells, the two neighbours that make the shortest
stretch become one: a pure function of the sequence, whatever the batches.

Merging neighbours stays valid because a score is right with whatever probability its own round was drawn with, and the
reward model of an era is made of earlier eras only: after merging it rests on a shorter past, which moves variance and
nothing else. The era's weight then averages over its snapshots, of which the later ones knew the rewards of the
earlier ones: an effect of the order of one era in all of them, which is why eras stay many and are merged evenly.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.store.rollups.cells import ArmCellKey, Era

Integers = NDArray[np.int64]

LEAST, MOST = 256, 1024
"""Rounds after which an era may end, and must."""

ERAS, FEWEST = 256, 16
"""Most eras, and those that are kept however many cells there are."""

CELLS = 1024
"""Cells of an experiment beyond which eras are merged: with 12 arms and 5 metrics 3.4 kB each."""

CellName = tuple[str, str, int]
"""Variant, segment, place of the eligible set."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """n rounds in the joiner's order, as eras see them.

    Attributes:
        seq: (n,) numbers in the joiner's sequence. snapshot: (n,) what drew, 0 for none.
        cell: (n,) index into `names`.
    """

    seq: Integers
    snapshot: Integers
    cell: Integers
    names: Sequence[CellName]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Eras in order, and the cells of each by its start."""

    eras: tuple[Era, ...]
    cells: Mapping[int, frozenset[CellName]]

    @classmethod
    def of(cls, eras: Sequence[Era], keys: Iterable[ArmCellKey]) -> "Timeline":
        """As it is stored."""
        cells: dict[int, set[CellName]] = {era.start: set() for era in eras}
        for key in keys:
            cells[key.era].add((key.variant, key.segment, key.eligible))
        return cls(tuple(eras), {start: frozenset(names) for start, names in cells.items()})


class Assigned(NamedTuple):
    """Where rounds belong: the timeline after them, (n,) eras' starts, and eras merged away → the era they are in."""

    after: Timeline
    eras: Integers
    merged: dict[int, int]


class _Era:
    """An era while rounds are added."""

    __slots__ = ("cells", "opened", "rounds", "span", "start")

    def __init__(self, era: Era, cells: Iterable[CellName] = ()) -> None:
        self.start, self.rounds, self.span = era.start, era.rounds, era.span
        self.opened, self.cells = dict(era.opened), set(cells)

    def absorb(self, later: "_Era") -> None:
        self.rounds += later.rounds
        self.span += later.span
        self.cells |= later.cells

    def as_stored(self) -> Era:
        return Era(self.start, self.rounds, self.span, self.opened)


def assign(timeline: Timeline, drawn: Drawn) -> Assigned:
    """Add rounds to a timeline."""
    eras = [_Era(era, timeline.cells[era.start]) for era in timeline.eras]
    variants = _Variants.of(drawn)
    starts = np.zeros(len(drawn.seq), dtype=np.int64)
    merged: dict[int, int] = {}
    at, count = 0, len(drawn.seq)
    while at < count:
        reached = _fill(eras[-1], drawn, variants, at) if eras else at
        starts[at:reached] = eras[-1].start if eras else 0
        if reached < count:
            eras.append(_Era(Era(int(drawn.seq[reached]), 0, 1, {})))
            _shorten(eras, merged)
        at = reached
    after = Timeline(tuple(era.as_stored() for era in eras), {era.start: frozenset(era.cells) for era in eras})
    for start in list(merged):
        merged[start] = _final(merged, start)
        starts[starts == start] = merged[start]
    return Assigned(after, starts, merged)


class _Variants(NamedTuple):
    """Names, and (n,) codes."""

    names: list[str]
    codes: Integers

    @classmethod
    def of(cls, drawn: Drawn) -> "_Variants":
        names = list(dict.fromkeys(name[0] for name in drawn.names))
        table = np.array([names.index(name[0]) for name in drawn.names], dtype=np.int64)
        return cls(names, table[drawn.cell])


def _fill(era: _Era, drawn: Drawn, variants: _Variants, at: int) -> int:
    """Add the rounds from `at` on that belong to the era; where the next one begins."""
    reached = _end(era, drawn, variants, at)
    for cell in np.unique(drawn.cell[at:reached]).tolist():
        era.cells.add(drawn.names[cell])
    era.rounds += reached - at
    return reached


def _end(era: _Era, drawn: Drawn, variants: _Variants, at: int) -> int:
    """Where a variant goes on with another snapshot than it began the era with, once there are LEAST rounds."""
    codes, snapshots = variants.codes[at:], drawn.snapshot[at:]
    ends = min(len(codes), MOST - era.rounds)
    firsts: dict[str, int] = {}
    for code, name in enumerate(variants.names):
        places = np.flatnonzero(codes == code)
        if not len(places):
            continue
        firsts[name] = int(places[0])
        differs = places[snapshots[places] != era.opened.get(name, int(snapshots[places[0]]))]
        later = differs[differs >= LEAST - era.rounds]
        ends = min(ends, int(later[0])) if len(later) else ends
    for name, first in firsts.items():
        if first < ends:
            era.opened.setdefault(name, int(snapshots[first]))
    return at + ends


def _shorten(eras: list[_Era], merged: dict[int, int]) -> None:
    """Merge until there are few enough; the newest era, still empty, is left alone."""
    while len(eras) > ERAS or (len(eras) > FEWEST and sum(len(era.cells) for era in eras) > CELLS):
        at = min(range(len(eras) - 2), key=lambda place: eras[place].span + eras[place + 1].span)
        later = eras.pop(at + 1)
        eras[at].absorb(later)
        merged[later.start] = eras[at].start


def _final(merged: Mapping[int, int], start: int) -> int:
    while start in merged:
        start = merged[start]
    return start
