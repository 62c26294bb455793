"""The joiner's cells of an experiment as stacks: one for each metric, all over the same rounds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from experiments.metrics import limits_of
from experiments.model.designing.arm_metrics import cell_metrics
from experiments.model.designing.definition import Definition
from experiments.model.tables.core import Experiment
from experiments.store.designing.revisions import definitions_of
from experiments.store.rollups.cells import EligibleArms, PackedCell, eligible_sets, packed_cells
from experiments.views.readout.bounds import PLAIN_METRICS, left_out
from offline_eval.ab.adaptive import CellKey, Limits, Stack
from offline_eval.ab.adaptive.packed import BLOCK, of_metric

Sums = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ArmStacks:
    """C cells of K arms.

    Attributes:
        arms: in the order of the definition, then those of earlier revisions.
        metrics: name → place in `packed`.
        packed: (C, 6 + 6 M, K), see offline_eval.ab.adaptive.packed.
        base: the cells without any metric's sums.
        limits: metric → the least and the most that one decision can add to it, where that is known.
        capped: (C,) which cells are of revisions with a cap: only there were capped metrics computed.
        uncapped: the revisions without one.
    """

    arms: tuple[str, ...]
    metrics: Mapping[str, int]
    packed: Sums
    base: Stack
    limits: Mapping[str, Limits]
    capped: Flags
    uncapped: tuple[int, ...]

    def of(self, metric: str) -> Stack:
        """The stack of one metric: of the cells where it was computed."""
        place = self.metrics[metric]
        if not self.is_narrowed(metric):
            return self.base.with_sums(of_metric(self.packed, place))
        kept = np.flatnonzero(self.capped)
        base = Stack.over(self.arms, [self.base.keys[at] for at in kept], self.base.counts[kept].tolist())
        return base.with_sums(of_metric(self.packed[kept], place))

    def share(self, arm: str, other: str) -> float:
        """Of all decisions, where both were eligible."""
        pair = [self.arms.index(arm), self.arms.index(other)]
        both = self.base.eligible[:, pair].all(axis=1)
        return float(self.base.counts[both].sum() / self.base.counts.sum())

    def is_narrowed(self, metric: str) -> bool:
        """Whether cells are left out because the metric was not computed there."""
        return metric in PLAIN_METRICS and not self.capped.all()

    def left_out(self, metric: str) -> str:
        """Which revisions, in words; nothing where all count."""
        if not self.is_narrowed(metric):
            return ""
        named = left_out(self.uncapped)
        return named if self.capped.any() else f"{named}; no decision of a revision with a cap has matured"


def arm_stacks(
    connection: Connection, row: Experiment, segment: str | None = None, since: int = 0, only: str | None = None
) -> ArmStacks | None:
    """Of everyone or of one segment, of eras that start at `since` in the joiner's sequence or later.

    In all metrics, or in `only` this one, where the joiner keeps it.

    None where no adaptive variant's decision has matured.
    """
    number = int(row.id or 0)
    sets = eligible_sets(connection, number)
    cells = [cell for cell in packed_cells(connection, number) if cell.era >= since and segment in (None, cell.segment)]
    return _stacked(connection, row, cells, sets, only)


def stacks_by_segment(connection: Connection, row: Experiment) -> dict[str, ArmStacks]:
    """The same of each segment that was met, in order, from one read."""
    number = int(row.id or 0)
    sets = eligible_sets(connection, number)
    parts: dict[str, list[PackedCell]] = {}
    for cell in packed_cells(connection, number):
        parts.setdefault(cell.segment, []).append(cell)
    stacked = {name: _stacked(connection, row, cells, sets) for name, cells in sorted(parts.items()) if name}
    return {name: stacks for name, stacks in stacked.items() if stacks is not None}


def _stacked(
    connection: Connection,
    row: Experiment,
    cells: Sequence[PackedCell],
    sets: Sequence[EligibleArms],
    only: str | None = None,
) -> ArmStacks | None:
    if not cells:
        return None
    arms = _arms(Definition.model_validate(row.definition), sets)
    definitions = definitions_of(connection, int(row.id or 0))
    metrics = cell_metrics(definitions)
    kept = [place for place, name in enumerate(metrics) if only in (None, name)]
    packed = _packed(cells, [[arms.index(arm) for arm in one.arms] for one in sets], kept, len(arms))
    base = Stack.over(arms, _keys(cells, sets, arms), [cell.rounds for cell in cells])
    places = {metrics[place]: at for at, place in enumerate(kept)}
    capped = np.array([sets[cell.eligible].capped for cell in cells], dtype=bool)
    uncapped = tuple(number for number, one in sorted(definitions.items()) if one.cap_revenue is None)
    return ArmStacks(arms, places, packed, base, limits_of(definitions.values()), capped, uncapped)


def _arms(definition: Definition, sets: Sequence[EligibleArms]) -> tuple[str, ...]:
    met = {arm for one in sets for arm in one.arms}
    ordered = [arm.key for arm in definition.arms_with_nothing if arm.key in met]
    return tuple(dict.fromkeys([*ordered, *sorted(met)]))


def _packed(cells: Sequence[PackedCell], positions: Sequence[Sequence[int]], metrics: Sequence[int], arms: int) -> Sums:
    """Cells of one eligible set and of as many metrics are unpacked at once; `metrics` are places in what is stored."""
    packed = np.zeros((len(cells), BLOCK * (1 + len(metrics)), arms))
    wanted = [*range(BLOCK), *(BLOCK * (1 + metric) + row for metric in metrics for row in range(BLOCK))]
    alike: dict[tuple[int, int], list[int]] = {}
    for place, cell in enumerate(cells):
        alike.setdefault((cell.eligible, len(cell.sums)), []).append(place)
    for (eligible, _), places in alike.items():
        columns = list(positions[eligible])
        sums = np.frombuffer(b"".join([cells[place].sums for place in places]), dtype="<f8")
        shaped = sums.reshape(len(places), -1, len(columns))
        kept = [row for row in wanted if row < shaped.shape[1]]  # cells of earlier revisions have fewer metrics
        if columns == list(range(arms)):
            packed[places, : len(kept)] = shaped[:, kept]
        else:
            packed[np.ix_(places, range(len(kept)), columns)] = shaped[:, kept]
    return packed


def _keys(cells: Sequence[PackedCell], sets: Sequence[EligibleArms], arms: Sequence[str]) -> list[CellKey]:
    """Time goes by eras; within one, variants have a weight each."""
    moments = [(cell.era, cell.variant) for cell in cells]
    times = {moment: place for place, moment in enumerate(sorted(set(moments)))}
    segments = {name: place for place, name in enumerate(sorted({cell.segment for cell in cells}))}
    masks = [sum(1 << arms.index(arm) for arm in one.arms) for one in sets]
    return [
        CellKey(times[moment], masks[cell.eligible], segments[cell.segment])
        for moment, cell in zip(moments, cells, strict=True)
    ]
