"""Bring the portfolio's tier forward: enrol units on both sides of the global holdout, add what they did and cost.

Each outcome and each round is added exactly once: by number, and what was stored before a unit was enrolled is caught
up with in the transaction that enrols it. Only the holder of the lease writes the tier.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from experiments.model.deciding.hashing import unit_bucket
from experiments.model.portfolio import COSTS, UNITS, Amount, Happened, Member, amount, amounts_of, share_at
from experiments.model.tables.core import Experiment, ServiceSetting
from experiments.model.times import SECOND
from experiments.store import portfolio as tier
from experiments.store.core.engine import reading
from experiments.store.core.lease import Lease, fenced
from experiments.store.designing.revisions import RevisionBook
from experiments.store.joining.matured import outcomes_seen

AT_ONCE = 500
MOST_BATCHES = 40
"""Transactions of one kind in a run: other jobs wait meanwhile."""

SLACK = 60 * SECOND
"""How far behind maturity the tier claims to be complete, for what was committed or joined a little late."""

_metrics = msgspec.json.Decoder(dict[str, float]).decode


class Setting(NamedTuple):
    """The global holdout with its history, and the experiments on the server's clock."""

    holdout: Mapping[str, Any]
    ours: list[int]

    @property
    def salt(self) -> bytes:
        """The holdout's."""
        return bytes.fromhex(self.holdout["salt"])


class Increment(NamedTuple):
    """What one transaction writes."""

    members: Sequence[Member] = ()
    amounts: Sequence[Amount] = ()
    returned: Mapping[str, int] = {}
    cursors: Mapping[str, int] = {}
    dropped: Sequence[str] = ()


class PortfolioTier:
    """The tier's only writer."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._book = engine, RevisionBook()

    def run(self, lease: Lease, at: int) -> int:
        """Add everything that is due at `at`; how many asks, rounds and outcomes. Nothing without a global holdout.

        What has matured must have been joined. Raises LeaseLostError, UnavailableError.
        """
        with reading(self._engine) as session:
            row = session.get(ServiceSetting, "global_holdout")
            setting = None if row is None else Setting(row.value, _on_servers_clock(session))
        if setting is None:
            return 0
        steps = (
            lambda: self._asks(lease, setting, at),
            lambda: self._rounds(lease, setting),
            lambda: self._outcomes(lease),
        )
        done = [list(islice(iter(step, 0), MOST_BATCHES)) for step in steps]
        if all(len(counts) < MOST_BATCHES for counts in done):
            self._close(lease, at)
        return sum(sum(counts) for counts in done)

    def _asks(self, lease: Lease, setting: Setting, at: int) -> int:
        with reading(self._engine) as session:
            connection = session.connection()
            asks = {ask.unit_id: ask.asked_at for ask in tier.waiting_asks(connection, at, AT_ONCE)}
            if not asks:
                return 0
            first = tier.first_decisions(connection, asks, setting.ours)
            known = tier.members_of(connection, asks)
            new = {unit: asked for unit, asked in asks.items() if unit not in known and asked < first.get(unit, at + 1)}
            members = [_member(setting, unit, asked, 1) for unit, asked in new.items()]
            increment = _enrolling(session, members)
        self._write(lease, increment._replace(dropped=list(asks)))
        return len(asks)

    def _rounds(self, lease: Lease, setting: Setting) -> int:
        with reading(self._engine) as session:
            connection = session.connection()
            after = tier.cursors(connection).get("rounds", 0)
            last, rounds = tier.rounds_after(connection, after, AT_ONCE, setting.ours)
            if last == after:
                return 0
            units = {each.unit_id for each in rounds}
            known = tier.members_of(connection, units)
            first, asks = (
                tier.first_decisions(connection, units - known.keys(), setting.ours),
                tier.asks_of(connection, units - known.keys()),
            )
            members = [_by_first(setting, unit, decided, asks.get(unit)) for unit, decided in first.items()]
            increment = _enrolling(session, members)
        everyone = known | {member.unit_id: member for member in members}
        costs = [cost for each in rounds for cost in _costs(everyone[each.unit_id], each)]
        self._write(
            lease,
            increment._replace(amounts=[*increment.amounts, *costs], cursors={"rounds": last}, dropped=list(asks)),
        )
        return last - after

    def _outcomes(self, lease: Lease) -> int:
        with reading(self._engine) as session:
            seen = outcomes_seen(session.connection())
        with reading(self._engine) as session:
            connection = session.connection()
            at = tier.cursors(connection)
            found = tier.outcomes_after(connection, at.get("outcomes", 0), seen, AT_ONCE)
            if not found:
                return 0
            known = tier.members_of(connection, {each.unit_id for each in found if each.unit_id is not None})
        amounts, returned = _added(known.values(), found)
        nameless = at.get("nameless", 0) + sum(each.unit_id is None for each in found)
        cursors = {"outcomes": found[-1].id, "nameless": nameless}
        self._write(lease, Increment((), amounts, returned, cursors))
        return len(found)

    def _close(self, lease: Lease, at: int) -> None:
        """Move `through`: decisions before it have matured, and what they cost and who was enrolled by them is in."""
        with reading(self._engine) as session:
            reached = tier.cursors(session.connection()).get("through", 0)
            through = at - SLACK - self._longest(session, at)
        if through >= reached + SLACK:
            self._write(lease, Increment(cursors={"through": through}))

    def _longest(self, session: Session, at: int) -> int:
        """The longest time to maturity of any decision that may still be open."""
        longest = 0
        for row in session.exec(select(Experiment).where(col(Experiment.status).not_in(("draft",)))):
            if row.definition.get("clock") == "caller":
                continue
            known = self._book.all(session, int(row.id or 0), row.revision)
            maturity = max(facts.window + facts.grace for facts in known.values())
            if row.stopped_at is None or row.stopped_at + maturity > at:
                longest = max(longest, maturity)
        return longest

    def _write(self, lease: Lease, increment: Increment) -> None:
        with fenced(self._engine, lease) as session:
            connection = session.connection()
            tier.add_members(connection, increment.members)
            tier.add_amounts(connection, increment.amounts)
            tier.note_returns(connection, increment.returned)
            if increment.dropped:
                tier.drop_asks(connection, increment.dropped)
            if increment.cursors:
                tier.move_cursors(connection, increment.cursors)


def _on_servers_clock(session: Session) -> list[int]:
    """Campaigns: what has a clock of its own is a replay or a simulation."""
    found = session.exec(select(Experiment.id, Experiment.definition).where(Experiment.status != "draft")).all()
    return [number for number, definition in found if number and definition.get("clock") != "caller"]


def _member(setting: Setting, unit_id: str, at: int, held_out: int) -> Member:
    return Member(unit_id, share_at(setting.holdout, at), held_out, unit_bucket(setting.salt, unit_id), at)


def _by_first(setting: Setting, unit_id: str, decided_at: int, asked_at: int | None) -> Member:
    """Who was held out first stays on that side, also after the holdout has become smaller."""
    if asked_at is not None and asked_at < decided_at:
        return _member(setting, unit_id, asked_at, 1)
    return _member(setting, unit_id, decided_at, 0)


def _enrolling(session: Session, members: Sequence[Member]) -> Increment:
    """The members, and what they have done since they were enrolled as far as outcomes were added already."""
    connection = session.connection()
    reached = tier.cursors(connection).get("outcomes", 0)
    since = {member.unit_id: member.enrolled_at for member in members}
    done = tier.outcomes_since(connection, since, reached)
    counted = [amount(member, member.enrolled_at, UNITS, 1.0) for member in members]
    amounts, returned = _added(members, [each for found in done.values() for each in found])
    enrolled = [member._replace(returned_at=returned.get(member.unit_id)) for member in members]
    return Increment(enrolled, [*counted, *amounts])


def _added(members: Iterable[Member], outcomes: Iterable[Happened]) -> tuple[list[Amount], dict[str, int]]:
    """Amounts, and units that came back for the first time."""
    by_unit: dict[str, list[Happened]] = {}
    for each in outcomes:
        by_unit.setdefault(each.unit_id, []).append(each)
    amounts: list[Amount] = []
    returned: dict[str, int] = {}
    for member in members:
        added, back = amounts_of(member, by_unit.get(member.unit_id, ()))
        amounts += added
        if back is not None and back != member.returned_at:
            returned[member.unit_id] = back
    return amounts, returned


def _costs(member: Member, round_: tier.CostedRound) -> list[Amount]:
    metrics: Any = _metrics(round_.metrics) if isinstance(round_.metrics, str) else round_.metrics
    return [amount(member, round_.decided_at, name, metrics[name]) for name in COSTS if metrics.get(name)]
