"""Matured decisions → logged rounds and rollups, each exactly once, in the order (matures_at, decision id).

Everything is read and computed before the write lock is taken; inside it the joiner only looks whether an outcome or a
void came in between (then it starts over) and writes rounds, rollups and cursor together.
"""

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import NamedTuple

import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from experiments.errors import WinbackError
from experiments.model.times import SECOND
from experiments.services.joining.caps import EarlierRevenue, UnitTotals
from experiments.services.joining.cells import ReadoutSums, SumsChange
from experiments.services.joining.marginals import Marginals
from experiments.services.joining.rolling_up import Batch, Counted
from experiments.services.joining.rounds import (
    EARLY_COLUMNS,
    MATURED_COLUMNS,
    Joined,
    early_row,
    join_decisions,
    matured_row,
)
from experiments.store.core.engine import reading
from experiments.store.core.lease import Lease, fenced
from experiments.store.designing.revisions import Head, RevisionBook, heads
from experiments.store.joining.matured import (
    MATURED,
    Cursor,
    Matured,
    Stage,
    append_rounds,
    count_voids,
    cursor_of,
    exclude_intake,
    last_sequence,
    matured,
    move_cursor,
    outcomes_of,
    outcomes_seen,
    touched_since,
)
from experiments.store.joining.stages import horizon_of, stages_of
from experiments.store.rollups.tiers import Increments, TotalsWriter, metric_places, write_rollups

TARGET_SECONDS = 0.008
"""How long one write transaction should take: on SQLite decisions wait for it."""

LEAST, MOST = 128, 2048
OPEN_ATTEMPTS = 3
LOOKBACK = 600 * SECOND
"""How far behind its cursor the sweep looks for decisions that were committed late."""

_log = structlog.get_logger("winback.joining")


class Due(NamedTuple):
    """What to join: a stage of an experiment, up to a horizon."""

    head: Head
    stage: Stage
    until: int


class Prepared(NamedTuple):
    """A batch as it will be written, and the last outcome that it may have seen."""

    decisions: list[Matured]
    rows: list[tuple[object, ...]]
    increments: Increments
    sums: list[bytes]
    readouts: SumsChange | None
    totals: UnitTotals
    seen: int


NOTHING_DUE = Prepared([], [], Batch({}).increments(0), [], None, {}, 0)


class Joiner:
    """The single joiner. `batch` is how many decisions a transaction takes; it follows the time that they took."""

    def __init__(self, engine: Engine, book: RevisionBook) -> None:
        self._engine, self._book = engine, book
        self._marginals = Marginals()
        self._totals = TotalsWriter()
        self._earlier = EarlierRevenue()
        self._readouts = ReadoutSums()
        self._lease: Lease | None = None
        self.batch = 256
        self.slowest = 0.0

    def run(self, lease: Lease, at: int, *, sweep: bool = False) -> int:
        """Join everything that is due at `at` (server's clock); how many. Raises LeaseLostError.

        `sweep` starts LOOKBACK before the cursor, for what was committed after the cursor had passed.
        """
        if lease != self._lease:
            self._lease = lease
            self._forget()
        with reading(self._engine) as session:
            started = heads(session.connection())
        return sum(self._guarded(lease, head, at, sweep) for head in started)

    def _guarded(self, lease: Lease, head: Head, at: int, sweep: bool) -> int:
        """One experiment; what is wrong with it must not keep the others waiting."""
        try:
            return self._experiment(lease, head, at, sweep)
        except WinbackError:
            # Whether the last transaction was committed may be unknown: read again what it would have written.
            self._forget()
            raise
        except Exception:
            self._forget()
            _log.exception("not joined", experiment=head.key)
            return 0

    def _forget(self) -> None:
        self._totals.forget()
        self._earlier.forget()
        self._readouts.forget()

    def _experiment(self, lease: Lease, head: Head, at: int, sweep: bool) -> int:
        with reading(self._engine) as session:
            facts = self._book.all(session, head.id, head.revision)
            starts = [(stage, cursor_of(session.connection(), head.id, stage)) for stage in stages_of(facts)]
        until = horizon_of(facts, head.clock_now, at)
        if until is None:
            return 0
        joined = 0
        for stage, cursor in starts:
            after = Cursor(cursor.through - LOOKBACK, 0) if sweep else cursor
            while batch := self._next_batch(lease, Due(head, stage, until), after):
                joined, after = joined + len(batch), _place(batch[-1])
        return joined

    def _next_batch(self, lease: Lease, due: Due, after: Cursor) -> list[Matured]:
        """The decisions that were joined; none where nothing is due."""
        for _ in range(OPEN_ATTEMPTS):
            with reading(self._engine) as session:
                prepared = self._prepare(session, due, after)
            if not prepared.decisions or self._commit(lease, due, prepared):
                return prepared.decisions
        # Others keep writing to the same units: compute while they wait.
        with fenced(self._engine, lease) as session:
            exclude_intake(session.connection())
            prepared = self._prepare(session, due, after, locked=True)
            if prepared.decisions:
                self._write(session, due, prepared)
        self._remember(due, prepared)
        return prepared.decisions

    def _remember(self, due: Due, prepared: Prepared) -> None:
        self._totals.remember(due.head.id, prepared.increments.keys, prepared.sums)
        self._earlier.remember(prepared.totals)
        if prepared.readouts is not None:
            self._readouts.remember(due.head.id, prepared.readouts)

    def _prepare(self, session: Session, due: Due, after: Cursor, *, locked: bool = False) -> Prepared:
        head, stage, until = due
        connection = session.connection()
        decisions = matured(connection, head.id, stage, after, until, self.batch)
        if not decisions:
            return NOTHING_DUE
        seen = outcomes_seen(connection)
        if not locked:
            session.commit()
        outcomes = outcomes_of(session.connection(), decisions)
        facts = {number: self._book.of(session, head.id, number) for number in {one.revision for one in decisions}}
        rounds, totals = join_decisions(facts, stage, decisions, outcomes), UnitTotals()
        if stage == MATURED:
            rounds, totals = self._earlier.capped(session.connection(), head.id, facts, rounds)
        marginals = self._marginals.of(session, facts, [joined.decision for joined in rounds if joined.learnable])
        as_row = matured_row if stage == MATURED else early_row
        rows = [as_row(head.id, joined, marginals.get(joined.decision.id)) for joined in rounds]
        connection = session.connection()
        places = metric_places(connection, head.id)
        increments = _rollup(due, rounds, places).increments(head.id)
        self._totals.load(connection, head.id, increments.keys)
        readouts = self._readouts_of(session, due, rounds)
        sums = self._totals.sums_after(head.id, increments)
        return Prepared(decisions, rows, increments, sums, readouts, totals, seen)

    def _readouts_of(self, session: Session, due: Due, rounds: Sequence[Joined]) -> SumsChange | None:
        if due.stage != MATURED:
            return None
        facts = self._book.all(session, due.head.id, due.head.revision)
        # Nobody else numbers rounds: the lease is ours, or the transaction will be refused.
        first = last_sequence(session.connection()) + 1
        return self._readouts.prepare(session.connection(), due.head, facts, (first, rounds))

    def _commit(self, lease: Lease, due: Due, prepared: Prepared) -> bool:
        """False, and nothing written, where the log has changed since."""
        with fenced(self._engine, lease) as session:
            began = perf_counter()
            connection, decisions = session.connection(), prepared.decisions
            exclude_intake(connection)
            known_voids = sum(one.void is not None for one in decisions)
            changed = touched_since(connection, prepared.seen, decisions)
            if changed or count_voids(connection, [one.id for one in decisions]) != known_voids:
                return False
            self._write(session, due, prepared)
        self._remember(due, prepared)
        self._adapt(perf_counter() - began, len(decisions))
        return True

    @staticmethod
    def _write(session: Session, due: Due, prepared: Prepared) -> None:
        connection, (head, stage, _) = session.connection(), due
        append_rounds(connection, stage, MATURED_COLUMNS if stage == MATURED else EARLY_COLUMNS, prepared.rows)
        write_rollups(connection, head.id, prepared.increments, prepared.sums)
        if prepared.readouts is not None:
            ReadoutSums.write(connection, head.id, prepared.readouts)
        reached = _place(prepared.decisions[-1])
        if reached > cursor_of(connection, head.id, stage):
            move_cursor(connection, head.id, stage, reached)

    def _adapt(self, seconds: float, count: int) -> None:
        self.slowest = max(self.slowest, seconds)
        if count == self.batch or seconds > TARGET_SECONDS:
            fitting = self.batch * min(TARGET_SECONDS / seconds, 2.0)
            self.batch = min(max(int(fitting), LEAST), MOST)


def _place(decision: Matured) -> Cursor:
    return Cursor(decision.matures_at, decision.id)


def _rollup(due: Due, rounds: Sequence[Joined], places: Mapping[str, int]) -> Batch:
    batch = Batch(places)
    if due.stage != MATURED:
        return batch
    salt = due.head.salt
    for joined in rounds:
        one = joined.decision
        batch.add(Counted(one, joined.segment, joined.proof.bucket_of(salt, one.unit_id), joined.metrics))
    return batch
