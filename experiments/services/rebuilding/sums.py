"""Everything that readouts read, added up anew from the round log."""

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from experiments.model.designing.arm_metrics import cell_metrics
from experiments.model.designing.definition import Definition
from experiments.services.joining.cells import (
    Cells,
    added_up,
    cell_names,
    cell_sums,
    contrastable,
    merged_cells,
    numbered,
)
from experiments.services.joining.columns import Integers, RoundColumns, grouped
from experiments.services.joining.draws import draws_arms
from experiments.services.joining.trust import Added, trust_sums
from experiments.services.rebuilding.rollups import Rollups, rollups_of
from experiments.services.rebuilding.rounds import Facts, groups_of, read_table, round_columns, whole_of
from experiments.store.rollups.cells import ArmCellKey, EligibleArms, Era

ROUNDS_AN_ERA, NEW_ERAS = 4096, 128
"""Least length, and most of them, where no eras are kept yet."""


class Known(NamedTuple):
    """What the new sums must fit: eras by start, eligible sets by place, and segments that cells were kept of."""

    eras: Sequence[int]
    sets: Mapping[EligibleArms, int]
    segments: frozenset[str]


class Rebuilt(NamedTuple):
    """The sums of a whole log: rollups of each file. `sets` are all eligible sets by place."""

    rows: int
    rollups: Sequence[Rollups]
    cells: Cells
    trust: Added
    sets: Mapping[EligibleArms, int]


def facts_of(definitions: Mapping[int, Definition]) -> Facts:
    """From the definitions of all revisions."""
    return Facts(
        {number: one.time_zone for number, one in definitions.items()},
        {number: draws_arms(one) for number, one in definitions.items()},
        cell_metrics(definitions),
        frozenset(number for number, one in definitions.items() if one.cap_revenue is not None),
    )


def rebuilt(
    files: Sequence[Path], facts: Facts, known: Known, progress: Callable[[int], None] = lambda _: None
) -> Rebuilt:
    """Add the files up; `progress` is told how many rows are done."""
    parts: list[Rollups] = []
    cells: list[Cells] = []
    trust: Added = {}
    done = 0
    with ThreadPoolExecutor(2) as beside:
        coming = deque(beside.submit(read_table, path) for path in files[:1])
        for place in range(len(files)):
            table = coming.popleft().result()
            coming.extend(beside.submit(read_table, path) for path in files[place + 1 : place + 2])
            rollups = beside.submit(lambda whole: rollups_of(whole_of(whole)), table)
            for group in groups_of(table):
                found, known = _added(group, facts, known, trust)
                cells.append(found)
            parts.append(rollups.result())
            done += table.num_rows
            progress(done)
    return Rebuilt(done, parts, merged_cells(cells), trust, known.sets)


def _added(group: pa.Table, facts: Facts, known: Known, trust: Added) -> tuple[Cells, Known]:
    """Cells of a group of rows, with what is known after them; its trust sums are added to `trust`."""
    columns, seq = round_columns(group, facts)
    for key, sums in trust_sums(columns).items():
        trust[key] = added_up(trust.get(key), sums)
    return arm_cells(columns, seq, known)


def eras_over(first: int, last: int) -> list[int]:
    """Starts of eras where none are kept: of equal length in the joiner's sequence."""
    length = max(ROUNDS_AN_ERA, math.ceil((last + 1 - first) / NEW_ERAS))
    return list(range(first, last + 1, length))


def eras_of_cells(cells: Cells, starts: Sequence[int], opened: Mapping[int, Era]) -> list[Era]:
    """The eras that these cells belong to."""
    rounds: dict[int, int] = dict.fromkeys(starts, 0)
    for key, cell in cells.items():
        rounds[key.era] += cell.rounds
    return [
        opened[start]._replace(rounds=count) if start in opened else Era(start, count, 1, {})
        for start, count in rounds.items()
        if count or start in opened
    ]


def arm_cells(columns: RoundColumns, seq: Integers, known: Known) -> tuple[Cells, Known]:
    """Cells of rounds with these numbers in the joiner's sequence, and what is known after them."""
    drawn = contrastable(columns)
    if not len(drawn):
        return {}, known
    sets = numbered(columns, drawn, known.sets)
    names, cell = cell_names(columns, drawn, known.segments, sets)
    starts = np.array(known.eras, dtype=np.int64)
    # Rounds from before the first era that was ever kept are its own.
    era = np.maximum(np.searchsorted(starts, seq[drawn], side="right") - 1, 0)
    rows, group = grouped(era, cell)
    arms = {place: one.arms for one, place in sets.items()}
    keys = [ArmCellKey(int(starts[at]), *names[place]) for at, place in rows.tolist()]
    found = cell_sums(columns, drawn, group, [(key, arms[key.eligible]) for key in keys])
    return found, Known(known.eras, sets, known.segments | {key.segment for key in keys})
