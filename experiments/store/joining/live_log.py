"""Logged rounds with the decisions they came from, as the offline rooms read them: in the joiner's order."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Engine, text

from bandit.rounds import Scalar
from experiments.store.core.bulk import one_of, values_for
from experiments.store.core.engine import reading

ROWS_AT_ONCE = 4096


class Evidence(msgspec.Struct):
    """The part of a decision's record that a log needs."""

    context: dict[str, Scalar]
    eligible: list[str]
    pmf: list[float]
    shadow: dict[str, list[float]] = {}
    segment: str = ""


class LoggedDecision(NamedTuple):
    """One logged round. `epoch` and `attempt` tell a unit's decisions of one instant apart."""

    seq: int
    decision_id: int
    unit_id: str
    decided_at: int
    revision: int
    variant: str
    arm: str
    propensity: float
    reward: float
    snapshot_id: int | None
    voided: bool
    epoch: int
    attempt: int
    metrics: Mapping[str, float]
    evidence: Evidence


class Extent(NamedTuple):
    """Which rounds: of some variants, decided within [start, end), up to a place in the joiner's sequence.

    `everybody`: on intention to treat, voided ones too, instead of those that may be learned. `revisions`: these alone.
    """

    experiment_id: int
    variants: Sequence[str]
    start: int
    end: int
    through: int
    everybody: bool = False
    revisions: Sequence[int] = ()


_evidence = msgspec.json.Decoder(Evidence).decode
_metrics = msgspec.json.Decoder(dict[str, float]).decode
_WITHIN = """l.experiment_id = :experiment_id AND (l.learnable OR :everybody) AND l.decided_at >= :start
AND l.decided_at < :end AND d.mode <> 'forced' AND coalesce(v.reason, '') <> 'replay_rejected'"""
_JOINED = """logged_rounds AS l JOIN decisions AS d ON d.id = l.decision_id
LEFT JOIN voids AS v ON v.decision_id = l.decision_id"""
_ROWS = """
SELECT l.seq, l.decision_id, d.unit_id, l.decided_at, l.revision, l.variant, l.arm, l.propensity, l.reward,
  d.snapshot_id, l.voided, d.epoch, d.attempt, l.metrics, d.record
FROM {joined}
WHERE {within} AND {chosen} AND l.seq > :after AND l.seq <= :through ORDER BY l.seq LIMIT :limit
"""


def logged_decisions(engine: Engine, extent: Extent) -> Iterator[list[LoggedDecision]]:
    """The rounds in lists of up to ROWS_AT_ONCE, each list read in a transaction of its own."""
    after = 0
    while True:
        with reading(engine) as session:
            rows = _rows(session.connection(), extent, after)
        if not rows:
            return
        yield rows
        after = rows[-1].seq


def count_logged(connection: Connection, extent: Extent) -> int:
    """How many rounds the extent holds."""
    condition = f"{_WITHIN} AND {_chosen(connection, extent)} AND l.seq <= :through"
    query = text(f"SELECT count(*) FROM {_JOINED} WHERE {condition}")  # noqa: S608 - nothing of a caller's
    return int(connection.execute(query, _values(connection, extent)).scalar_one())


def _rows(connection: Connection, extent: Extent, after: int) -> list[LoggedDecision]:
    query = text(_ROWS.format(joined=_JOINED, within=_WITHIN, chosen=_chosen(connection, extent)))
    values = {**_values(connection, extent), "after": after, "limit": ROWS_AT_ONCE}
    return [
        LoggedDecision(*(*row[:13], _read_metrics(row[13]), _evidence(row[14])))
        for row in connection.execute(query, values)
    ]


def _read_metrics(stored: Any) -> Mapping[str, float]:
    """SQLite gives JSON as text, PostgreSQL's driver as what it says."""
    return _metrics(stored) if isinstance(stored, str) else stored


def _values(connection: Connection, extent: Extent) -> dict[str, object]:
    values = {name: value for name, value in extent._asdict().items() if name != "revisions"}
    listed = {"revisions": values_for(connection, extent.revisions)} if extent.revisions else {}
    return {**values, **listed, "variants": values_for(connection, extent.variants)}


def _chosen(connection: Connection, extent: Extent) -> str:
    """The condition that a round is of the variants and revisions."""
    variants = one_of(connection, "l.variant", "variants")
    return f"{variants} AND {one_of(connection, 'l.revision', 'revisions')}" if extent.revisions else variants
