"""Arm cells and trust sums of a batch: prepared before the write lock is taken, written with the rounds.

Only the holder of the lease writes them, so it may remember what it wrote: each experiment's timeline, the newest
era's cells and the trust sums.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection

from experiments.model.designing.arm_metrics import cell_metrics
from experiments.model.times import to_datetime
from experiments.services.joining.columns import OTHER, SEGMENTS, Floats, Integers, RoundColumns, grouped
from experiments.services.joining.draws import columns_of, counts
from experiments.services.joining.eras import Assigned, CellName, Drawn, Timeline, assign
from experiments.services.joining.rounds import IN_TIME, Joined
from experiments.services.joining.trust import lag_sums, trust_sums
from experiments.store.designing.revisions import Head, RevisionFacts
from experiments.store.rollups.cells import (
    ArmCellKey,
    CellChange,
    EligibleArms,
    StoredCell,
    cell_keys,
    cells_of,
    eligible_sets,
    eras_of,
    write_cells,
)
from experiments.store.rollups.trust_sums import Sums, TrustKey, read_trust, write_trust
from offline_eval.ab.adaptive.packed import Draws, packed_sums

Cells = dict[ArmCellKey, StoredCell]
Numbered = tuple[int, Sequence[Joined]]
"""Rounds, and the number of the first in the joiner's sequence."""


class Memory(NamedTuple):
    """What is stored of one experiment. Never changed, only replaced by what was committed."""

    timeline: Timeline
    sets: Mapping[EligibleArms, int]
    segments: frozenset[str]
    cells: Mapping[ArmCellKey, StoredCell]
    trust: Mapping[TrustKey, Sums]


class SumsChange(NamedTuple):
    """What a batch writes, and what is stored after it."""

    cells: CellChange
    trust: Mapping[TrustKey, Sums]
    after: Memory


class ReadoutSums:
    """Keeps arm cells and trust sums of every experiment."""

    def __init__(self) -> None:
        self._memories: dict[int, Memory] = {}

    def forget(self) -> None:
        """Read everything again."""
        self._memories.clear()

    def prepare(
        self, connection: Connection, head: Head, facts: Mapping[int, RevisionFacts], batch: Numbered
    ) -> SumsChange:
        """What the rounds change; `facts` are of every revision."""
        memory = self._memories.get(head.id) or recalled(connection, head.id)
        first, rounds = batch
        kept = [place for place, joined in enumerate(rounds) if counts(joined.decision)]
        if not kept:
            return SumsChange(CellChange((), (), (), {}), {}, memory)
        counted = [rounds[place] for place in kept]
        metrics = cell_metrics({number: one.definition for number, one in facts.items()})
        columns = columns_of(head, facts, metrics, counted)
        added = trust_sums(columns) | lag_sums(_lags(counted))
        trust = {key: added_up(memory.trust.get(key), sums) for key, sums in added.items()}
        snapshots = np.array([joined.decision.snapshot_id or 0 for joined in counted], dtype=np.int64)
        order = (first + np.array(kept, dtype=np.int64), snapshots)
        cells, after = _cells(connection, head.id, memory, columns, order)
        return SumsChange(cells, trust, after._replace(trust={**memory.trust, **trust}))

    @staticmethod
    def write(connection: Connection, experiment_id: int, change: SumsChange) -> None:
        """Write in the transaction of the rounds."""
        write_cells(connection, experiment_id, change.cells)
        write_trust(connection, experiment_id, change.trust)

    def remember(self, experiment_id: int, change: SumsChange) -> None:
        """What was committed."""
        self._memories[experiment_id] = change.after


def recalled(connection: Connection, experiment_id: int) -> Memory:
    """What is stored of an experiment."""
    sets = eligible_sets(connection, experiment_id)
    eras, keys = eras_of(connection, experiment_id), cell_keys(connection, experiment_id)
    newest = cells_of(connection, experiment_id, sets, eras[-1].start) if eras else {}
    return Memory(
        Timeline.of(eras, keys),
        {one: place for place, one in enumerate(sets)},
        frozenset(key.segment for key in keys),
        newest,
        read_trust(connection, experiment_id),
    )


def _cells(
    connection: Connection,
    experiment_id: int,
    memory: Memory,
    columns: RoundColumns,
    order: tuple[Integers, Integers],
) -> tuple[CellChange, Memory]:
    drawn = contrastable(columns)
    if not len(drawn):
        return CellChange((), (), (), {}), memory
    sets = numbered(columns, drawn, memory.sets)
    seqs, snapshots = order
    names, cell = cell_names(columns, drawn, memory.segments, sets)
    assigned = assign(memory.timeline, Drawn(seqs[drawn], snapshots[drawn], cell, names))
    added = summed(columns, drawn, assigned.eras, (names, cell), sets)
    known = dict(memory.cells) | _merging(connection, experiment_id, memory, assigned)
    cells = _with_added(known, added, assigned.merged)
    before = {era.start: era for era in memory.timeline.eras}
    change = CellChange(
        [(place, one) for one, place in sets.items() if one not in memory.sets],
        [era for era in assigned.after.eras if before.get(era.start) != era],
        [start for start in assigned.merged if start in before],
        cells,
    )
    newest = assigned.after.eras[-1].start
    kept = {key: cell for key, cell in (known | cells).items() if key.era == newest}
    segments = memory.segments | {key.segment for key in cells}
    return change, memory._replace(timeline=assigned.after, sets=sets, segments=segments, cells=kept)


def contrastable(columns: RoundColumns) -> Integers:
    """Rows of adaptive variants whose decision was delivered and whose drawn arm has a probability."""
    return np.flatnonzero(columns.adaptive & ~columns.voided & (columns.p > 0))


def cell_names(
    columns: RoundColumns, drawn: Integers, known: frozenset[str], sets: Mapping[EligibleArms, int]
) -> tuple[list[CellName], Integers]:
    """The cells that the `drawn` rows fall into within an era, and (n,) which one each does."""
    segments, segment = folded(columns, drawn, known)
    rows, group = grouped(columns.variant.codes[drawn], segment, columns.eligible[drawn])
    names = [
        (columns.variant.names[variant], segments[place], sets[columns.sets[arms]])
        for variant, place, arms in rows.tolist()
    ]
    return names, group


def folded(columns: RoundColumns, drawn: Integers, known: frozenset[str]) -> tuple[list[str], Integers]:
    """Names of segments and (n,) codes; those beyond the first SEGMENTS that were met are OTHER."""
    met, table = {*known} - {OTHER}, np.zeros(len(columns.segment.names), dtype=np.int64)
    places: dict[str, int] = {}
    for code in _in_order(columns.segment.codes[drawn]):
        name = columns.segment.names[code]
        name = name if name in met or len(met) < SEGMENTS else OTHER
        met |= {name} - {OTHER}
        table[code] = places.setdefault(name, len(places))
    return list(places), table[columns.segment.codes[drawn]]


def _in_order(codes: Integers) -> list[int]:
    """The distinct codes in the order in which they come."""
    if not len(codes):
        return []
    first = np.full(int(codes.max()) + 1, len(codes), dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)  # the last one written stays, which is the first
    distinct = np.flatnonzero(first < len(codes))
    ordered: list[int] = distinct[np.argsort(first[distinct])].tolist()
    return ordered


def numbered(columns: RoundColumns, drawn: Integers, known: Mapping[EligibleArms, int]) -> dict[EligibleArms, int]:
    """Eligible sets by place, those of the rows added to the known ones."""
    sets = dict(known)
    for code in _in_order(columns.eligible[drawn]):
        sets.setdefault(columns.sets[code], len(sets))
    return sets


def summed(
    columns: RoundColumns,
    drawn: Integers,
    eras: Integers,
    named: tuple[Sequence[CellName], Integers],
    sets: Mapping[EligibleArms, int],
) -> Cells:
    """What the `drawn` rows add, by cell; `eras` and `named` are theirs."""
    names, cell = named
    starts, era = np.unique(eras, return_inverse=True)
    rows, group = grouped(era.reshape(-1), cell)
    arms = {place: one.arms for one, place in sets.items()}
    keys = [ArmCellKey(int(starts[at]), *names[place]) for at, place in rows.tolist()]
    return cell_sums(columns, drawn, group, [(key, arms[key.eligible]) for key in keys])


def cell_sums(
    columns: RoundColumns, drawn: Integers, cell: Integers, named: Sequence[tuple[ArmCellKey, tuple[str, ...]]]
) -> Cells:
    """Sums of the `drawn` rows by their `cell`, an index into `named`: keys with their eligible sets."""
    of = np.full(len(columns), -1, dtype=np.int64)
    of[drawn] = cell
    packed = packed_sums(Draws(of, columns.place, columns.p, columns.values), columns.pmfs, len(named))
    rounds = np.bincount(cell, minlength=len(named)).tolist()
    return {key: StoredCell(rounds[at], packed[at][:, : len(arms)]) for at, (key, arms) in enumerate(named)}


def _merging(connection: Connection, experiment_id: int, memory: Memory, assigned: Assigned) -> Cells:
    """The stored cells of eras that are merged: those that go, and those that take them in."""
    stored = {era.start for era in memory.timeline.eras}
    concerned = {*assigned.merged, *assigned.merged.values()} & stored
    if not concerned:
        return {}
    sets = eligible_sets(connection, experiment_id)
    return {k: c for start in sorted(concerned) for k, c in cells_of(connection, experiment_id, sets, start).items()}


def _with_added(known: Mapping[ArmCellKey, StoredCell], added: Cells, merged: Mapping[int, int]) -> Cells:
    """The cells to write: what is stored of them, what goes into them, and what the batch adds."""
    parts: dict[ArmCellKey, list[StoredCell]] = defaultdict(list)
    for key, cell in known.items():
        start = key.era
        while start in merged:
            start = merged[start]
        if start != key.era:
            parts[key._replace(era=start)].append(cell)
    for key, cell in added.items():
        parts[key].append(cell)
    return {key: _joined([*((known[key],) if key in known else ()), *cells]) for key, cells in parts.items()}


def merged_cells(parts: Sequence[Cells]) -> Cells:
    """The cells of all parts."""
    found: dict[ArmCellKey, list[StoredCell]] = defaultdict(list)
    for part in parts:
        for key, cell in part.items():
            found[key].append(cell)
    return {key: _joined(cells) for key, cells in found.items()}


def _joined(cells: Sequence[StoredCell]) -> StoredCell:
    if len(cells) == 1:
        return cells[0]
    rows = max(len(cell.sums) for cell in cells)
    sums = np.zeros((rows, cells[0].sums.shape[1]))
    for cell in cells:
        sums[: len(cell.sums)] += cell.sums
    return StoredCell(sum(cell.rounds for cell in cells), sums)


def added_up(known: Sums | None, added: Floats) -> Floats:
    """Both, or what is added where nothing is known."""
    return added if known is None else known + added


def _lags(rounds: Sequence[Joined]) -> dict[str, list[int]]:
    """Of each unit's first decision its slowest outcome, by variant and by week of the decision."""
    lags: dict[str, list[int]] = defaultdict(list)
    for joined in rounds:
        one = joined.decision
        if joined.lags and not one.epoch and not one.attempt:
            slowest, (variant, week) = max(joined.lags), lag_groups(one.variant, one.decided_at)
            lags[variant].append(slowest)
            if slowest != IN_TIME:
                lags[week].append(slowest)
    return lags


def lag_groups(variant: str, decided_at: int) -> tuple[str, str]:
    """The groups that an outcome's lag is counted in."""
    year, week, _ = to_datetime(decided_at).isocalendar()
    return f"variant {variant}", f"week {year}-W{week:02d}"
