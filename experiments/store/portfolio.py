"""The portfolio's tier in the database: who is in it, what is read to bring it forward, and its sums."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from experiments.model.deciding.hashing import UNIT_BUCKETS
from experiments.model.portfolio import Amount, Happened, Member
from experiments.model.tables.portfolio import PortfolioUnit
from experiments.store.core.bulk import insert_rows, one_of, values_for
from experiments.store.held_out import HeldOut

Sums = NDArray[np.float64]
Key = tuple[int, int, int, str]
"""Day, share, held out, metric."""


class CostedRound(NamedTuple):
    """A joined decision as the portfolio sees it."""

    seq: int
    unit_id: str
    decided_at: int
    metrics: object


_ASKS = (
    "SELECT unit_id, asked_at, matures_at FROM held_out_asks WHERE matures_at <= :at ORDER BY matures_at LIMIT :most"
)
_ROUNDS = """
SELECT l.seq, d.unit_id, l.decided_at, l.metrics FROM logged_rounds l JOIN decisions d ON d.id = l.decision_id
WHERE l.seq > :after AND l.seq <= :until AND d.mode <> 'forced' AND {ours} ORDER BY l.seq
"""
_LAST_ROUND = """
SELECT max(seq) FROM (SELECT seq FROM logged_rounds WHERE seq > :after ORDER BY seq LIMIT :most) AS next_rounds
"""
_FIRST = """
SELECT unit_id, min(decided_at) FROM decisions WHERE {units} AND mode <> 'forced' AND {ours} GROUP BY unit_id
"""
_NEW_OUTCOMES = """
SELECT id, unit_id, kind, value, occurred_at FROM outcomes WHERE id > :after AND id <= :until ORDER BY id LIMIT :most
"""
_PUT = """
INSERT INTO portfolio_sums (day, share, held_out, metric, sums) VALUES (:day, :share, :held_out, :metric, :sums)
ON CONFLICT (day, share, held_out, metric) DO UPDATE SET sums = excluded.sums
"""
_MOVE = """
INSERT INTO portfolio_cursors (name, value) VALUES (:name, :value)
ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""


def cursors(connection: Connection) -> dict[str, int]:
    """`rounds`, `outcomes`, `nameless` (outcomes that name a decision only) and `through`, as far as they are set."""
    found = connection.execute(text("SELECT name, value FROM portfolio_cursors"))
    return {row.name: row.value for row in found}


def move_cursors(connection: Connection, values: Mapping[str, int]) -> None:
    """Remember how far it has come."""
    connection.execute(text(_MOVE), [{"name": name, "value": value} for name, value in values.items()])


def waiting_asks(connection: Connection, at: int, most: int) -> list[HeldOut]:
    """Asks of held-out units that have matured."""
    return [HeldOut._make(row) for row in connection.execute(text(_ASKS), {"at": at, "most": most})]


def asks_of(connection: Connection, units: Iterable[str]) -> dict[str, int]:
    """Unit → when it asked while held out, matured or not."""
    query = f"SELECT unit_id, asked_at FROM held_out_asks WHERE {one_of(connection, 'unit_id', 'units')}"  # noqa: S608 - our names
    return {row[0]: row[1] for row in connection.execute(text(query), {"units": values_for(connection, units)})}


def drop_asks(connection: Connection, units: Iterable[str]) -> None:
    """They have become members, or were it."""
    query = f"DELETE FROM held_out_asks WHERE {one_of(connection, 'unit_id', 'units')}"  # noqa: S608 - our names
    connection.execute(text(query), {"units": values_for(connection, units)})


def members_of(connection: Connection, units: Iterable[str]) -> dict[str, Member]:
    """Who of these units is in the portfolio."""
    columns = ", ".join(Member._fields)
    query = f"SELECT {columns} FROM portfolio_units WHERE {one_of(connection, 'unit_id', 'units')}"  # noqa: S608 - our names
    found = connection.execute(text(query), {"units": values_for(connection, units)})
    return {row[0]: Member._make(row) for row in found}


def add_members(connection: Connection, members: Sequence[Member]) -> None:
    """Enrol them."""
    insert_rows(connection, PortfolioUnit.__table__, Member._fields, members)  # type: ignore[attr-defined]


def note_returns(connection: Connection, returned: Mapping[str, int]) -> None:
    """Unit → when it first came back."""
    if returned:
        rows = [{"unit": unit, "at": at} for unit, at in returned.items()]
        connection.execute(text("UPDATE portfolio_units SET returned_at = :at WHERE unit_id = :unit"), rows)


def first_decisions(connection: Connection, units: Iterable[str], ours: Iterable[int]) -> dict[str, int]:
    """Unit → its first decision in any of these experiments."""
    query = _FIRST.format(
        units=one_of(connection, "unit_id", "units"), ours=one_of(connection, "experiment_id", "ours")
    )
    values = {"units": values_for(connection, units), "ours": values_for(connection, ours)}
    return {row[0]: row[1] for row in connection.execute(text(query), values)}


def rounds_after(connection: Connection, after: int, most: int, ours: Iterable[int]) -> tuple[int, list[CostedRound]]:
    """The next rounds of these experiments among at most `most` of all, and the last number looked at."""
    last = connection.execute(text(_LAST_ROUND), {"after": after, "most": most}).scalar_one()
    if last is None:
        return after, []
    query = _ROUNDS.format(ours=one_of(connection, "l.experiment_id", "ours"))
    values = {"after": after, "until": last, "ours": values_for(connection, ours)}
    return last, [CostedRound._make(row) for row in connection.execute(text(query), values)]


def outcomes_after(connection: Connection, after: int, until: int, most: int) -> list[Happened]:
    """The next outcomes by number, those that name no unit among them."""
    values = {"after": after, "until": until, "most": most}
    return [Happened._make(row) for row in connection.execute(text(_NEW_OUTCOMES), values)]


def outcomes_since(connection: Connection, since: Mapping[str, int], until: int) -> dict[str, list[Happened]]:
    """Unit → its outcomes since an instant, up to the number `until`."""
    query = (
        "SELECT id, unit_id, kind, value, occurred_at FROM outcomes "  # noqa: S608 - nothing of a caller's
        f"WHERE {one_of(connection, 'unit_id', 'units')} AND occurred_at >= :since AND id <= :until"
    )
    if not since:
        return {}
    values = {"units": values_for(connection, since), "since": min(since.values()), "until": until}
    found: dict[str, list[Happened]] = defaultdict(list)
    for row in connection.execute(text(query), values):
        found[row.unit_id].append(Happened._make(row))
    return found


def add_amounts(connection: Connection, amounts: Iterable[Amount]) -> None:
    """Add to the sums."""
    added: dict[Key, Sums] = defaultdict(lambda: np.zeros(UNIT_BUCKETS))
    for each in amounts:
        added[each.day, each.share, each.held_out, each.metric][each.bucket] += each.value
    for (day, share, held_out, metric), sums in sorted(added.items()):
        key = {"day": day, "share": share, "held_out": held_out, "metric": metric}
        query = "SELECT sums FROM portfolio_sums WHERE day = :day AND share = :share AND held_out = :held_out"
        known = connection.execute(text(query + " AND metric = :metric"), key).scalar()
        total = sums if known is None else sums + np.frombuffer(known, dtype="<f8")
        connection.execute(text(_PUT), key | {"sums": total.astype("<f8").tobytes()})


def read_sums(connection: Connection, before: int, since: int, always: str) -> dict[Key, Sums]:
    """Sums by day, share, side and metric of the days [since, before); those of `always` from the beginning."""
    query = """
    SELECT day, share, held_out, metric, sums FROM portfolio_sums
    WHERE day < :before AND (day >= :since OR metric = :always)
    """
    values = {"before": before, "since": since, "always": always}
    return {
        (row.day, row.share, row.held_out, row.metric): np.frombuffer(row.sums, dtype="<f8")
        for row in connection.execute(text(query), values)
    }
