"""Rollups, arm cells and trust sums added up anew from the log: to prove the stored ones, or to replace them.

The log is written to disk as columns and read back from there, up to the place in the joiner's sequence where the
stored sums stand. Replacing takes the worker's lease, so that nothing is joined meanwhile.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Engine

from experiments.errors import ConflictError
from experiments.metrics import metric_names
from experiments.model.access.principal import Principal, require
from experiments.services.joining.columns import Floats
from experiments.services.leasing import Leaseholder
from experiments.services.rebuilding.rollups import HourKey, hourly_of, totals_of
from experiments.services.rebuilding.sums import Known, Rebuilt, eras_of_cells, eras_over, facts_of, rebuilt
from experiments.settings import Settings
from experiments.store import audit
from experiments.store.core.engine import reading
from experiments.store.core.lease import Lease, fenced
from experiments.store.designing.experiments import find
from experiments.store.designing.revisions import definitions_of
from experiments.store.joining.round_log import RoundLog, write_round_log
from experiments.store.rollups.cells import CellChange
from experiments.store.rollups.sums import NewSums, StoredSums, replace_sums, stored_sums
from experiments.store.rollups.tiers import PART, STATISTICS, CellKey, Totals
from offline_eval.ab.adaptive.cells import STEEPNESS
from offline_eval.ab.adaptive.packed import SHARED
from offline_eval.ab.adaptive.steepness import POWER

TOLERANCE = 1e-9
"""Relative to the largest sum of the row: the joiner adds batch by batch, the rebuild file by file."""

STEEPEST = SHARED.index(STEEPNESS)

PATIENCE = 3.0
"""Seconds to wait for the worker's lease."""

Progress = Callable[[str, int, int], None]


class Compared(NamedTuple):
    """One kind of sums: rows on either side, those on one side only, and those that differ beyond rounding."""

    stored: int
    rebuilt: int
    missing: int
    different: int
    largest: float

    @property
    def agrees(self) -> bool:
        """Whether both are the same."""
        return not self.missing and not self.different


class Rebuilding(NamedTuple):
    """What came of it: rows of the log, and each kind of sums compared."""

    rows: int
    compared: Mapping[str, Compared]
    replaced: bool

    @property
    def agrees(self) -> bool:
        """Whether the stored sums are those of the log."""
        return all(one.agrees for one in self.compared.values())

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        tiers = {name: one._asdict() | {"agrees": one.agrees} for name, one in self.compared.items()}
        return {"rows": self.rows, "agrees": self.agrees, "replaced": self.replaced, "sums": tiers}


def compare(engine: Engine, principal: Principal, key: str, progress: Progress) -> Rebuilding:
    """Add up anew and compare; changes nothing. Raises ForbiddenError, NotFoundError."""
    require(principal, "analyse")
    stored, found = _added_up(engine, key, progress)
    return Rebuilding(found.rows, _differences(stored, found), replaced=False)


def replace(settings: Settings, engine: Engine, principal: Principal, key: str, progress: Progress) -> Rebuilding:
    """Add up anew and replace what is stored. Raises ConflictError while a worker acts, and as `compare` does."""
    require(principal, "admin")
    holder = Leaseholder(engine, settings)
    lease = _wait_for(holder)
    if lease is None:
        raise ConflictError("a worker is at work: stop it first, so that nothing is joined meanwhile")
    try:
        stored, found = _added_up(engine, key, progress, holder.hold)
        with fenced(engine, lease) as session:
            number = int(find(session, key).id or 0)
            replace_sums(session.connection(), number, _new(stored, found))
            audit.append(session, principal, "rollups.rebuild", key, {"rows": found.rows})
        return Rebuilding(found.rows, _differences(stored, found), replaced=True)
    finally:
        holder.release()


def _wait_for(holder: Leaseholder) -> Lease | None:
    """The lease; a worker that has just ended needs a moment to let go of it."""
    until = monotonic() + PATIENCE
    while (lease := holder.hold()) is None and monotonic() < until:
        sleep(0.1)
    return lease


def _added_up(
    engine: Engine, key: str, progress: Progress, beat: Callable[[], object] = lambda: None
) -> tuple[StoredSums, Rebuilt]:
    with reading(engine) as session:
        row = find(session, key)
        connection = session.connection()
        stored = stored_sums(connection, int(row.id or 0))
        definitions = definitions_of(connection, int(row.id or 0))
    metrics = dict.fromkeys(name for one in definitions.values() for name in metric_names(one))
    log = RoundLog(int(row.id or 0), row.salt, stored.through, list(metrics))

    def written(done: int) -> None:
        beat()
        progress("reading the log", done, stored.through)

    with TemporaryDirectory(prefix="winback-rebuild-") as folder:
        files = write_round_log(engine, log, Path(folder), written)
        known = _known(stored)
        return stored, rebuilt(files, facts_of(definitions), known, lambda done: progress("adding up", done, done))


def _known(stored: StoredSums) -> Known:
    """The eras as they are kept; equal ones where none are."""
    starts = [era.start for era in stored.eras] or eras_over(1, stored.through)
    sets = {one: place for place, one in enumerate(stored.sets)}
    return Known(starts, sets, frozenset(key.segment for key in stored.cells))


def _new(stored: StoredSums, found: Rebuilt) -> NewSums:
    totals = _totals(stored, found)
    opened = {era.start: era for era in stored.eras}
    eras = eras_of_cells(found.cells, sorted({key.era for key in found.cells}), opened)
    cells = CellChange([(place, one) for one, place in found.sets.items()], eras, (), found.cells)
    return NewSums(totals.places, totals.keys, totals.sums, _hourly(found), cells, found.trust)


def _differences(stored: StoredSums, found: Rebuilt) -> dict[str, Compared]:
    return {
        "totals": _compared_totals(stored.totals, _totals(stored, found)),
        "hourly": _compared(_arrays(stored.hourly), _arrays(_hourly(found))),
        "arms": _compared(_cells(stored.cells), _cells(found.cells)),
        "trust": _compared(stored.trust, found.trust),
    }


Arrays = Mapping[Any, Floats]


def _compared(stored: Arrays, found: Arrays) -> Compared:
    shared = stored.keys() & found.keys()
    gaps = [_gap(stored[key], found[key]) for key in shared]
    missing = len(stored.keys() ^ found.keys())
    return Compared(len(stored), len(found), missing, sum(gap > TOLERANCE for gap in gaps), max(gaps, default=0.0))


def _gap(one: Floats, other: Floats) -> float:
    """The largest difference, relative to the row's largest sum; arrays that end earlier go on with zeros."""
    length = max(one.size, other.size)
    padded = np.zeros((2, length))
    padded[0, : one.size], padded[1, : other.size] = one.reshape(-1), other.reshape(-1)
    scale = float(np.abs(padded).max(initial=0.0))
    return float(np.abs(padded[0] - padded[1]).max(initial=0.0)) / scale if scale else 0.0


def _totals(stored: StoredSums, found: Rebuilt) -> Totals:
    return totals_of([one.parts for one in found.rollups], list(stored.totals.places))


def _hourly(found: Rebuilt) -> Mapping[HourKey, tuple[int, float]]:
    return hourly_of([one.hours for one in found.rollups])


def _compared_totals(stored: Totals, found: Totals) -> Compared:
    """By row and metric; what is zero throughout counts as not there."""
    keys = {key: place for place, key in enumerate(dict.fromkeys([*stored.keys, *found.keys]))}
    names = list(dict.fromkeys([*stored.places, *found.places]))
    one, other = (_spread(totals, keys, names) for totals in (stored, found))
    scale = np.maximum(np.abs(one).max(axis=2, initial=0.0), np.abs(other).max(axis=2, initial=0.0))
    apart = np.abs(one - other).max(axis=2, initial=0.0)
    used, used_too = (sums.any(axis=2) for sums in (one, other))
    gap = np.divide(apart, scale, out=np.zeros_like(apart), where=used & used_too)
    rows, rows_too, missing, different = (
        int(np.count_nonzero(flag)) for flag in (used, used_too, used ^ used_too, gap > TOLERANCE)
    )
    return Compared(rows, rows_too, missing, different, float(gap.max(initial=0.0)))


def _spread(totals: Totals, keys: Mapping[CellKey, int], names: Sequence[str]) -> Floats:
    """(rows, metrics, sums) of all keys and names."""
    spread = np.zeros((len(keys), len(names), STATISTICS * PART))
    rows = np.array([keys[key] for key in totals.keys], dtype=np.int64)
    for name, place in totals.places.items():
        spread[rows, names.index(name)] = totals.sums[:, place].reshape(len(rows), -1)
    return spread


def _arrays(rows: Mapping[Any, Iterable[float]]) -> Arrays:
    return {key: np.array(tuple(row), dtype=np.float64) for key, row in rows.items()}


def _cells(cells: Mapping[Any, Any]) -> Arrays:
    return {key: np.concatenate([[cell.rounds], _of_like_size(np.asarray(cell.sums))]) for key, cell in cells.items()}


def _of_like_size(sums: Floats) -> Floats:
    """A sum of high powers would hide what differs in the others."""
    found = np.array(sums)
    found[STEEPEST] **= 1 / POWER
    return found.reshape(-1)
