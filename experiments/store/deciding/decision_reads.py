"""Decisions as they are read back: one, a page of an experiment's, all of them in the order of their ids."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from experiments.model.deciding.decisions import COLUMNS, DecisionRow
from experiments.store.core.bulk import one_of, values_for

_SELECTED = ", ".join(f"d.{column}" for column in COLUMNS)
_VOIDS = "SELECT decision_id, reason, voided_at FROM voids WHERE "
_ROUNDS = "SELECT decision_id, reward, metrics FROM logged_rounds WHERE "
_OUTCOMES = """
SELECT o.id, o.source, o.event_id, o.decision_id, o.unit_id, o.kind, o.value, o.occurred_at, o.received_at,
  o.outcome_class, o.properties
FROM outcomes AS o WHERE
"""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which decisions of an experiment: of a unit, decided within [start, end), older than an id; at most `limit`."""

    unit_id: str | None = None
    start: int | None = None
    end: int | None = None
    before: int | None = None
    limit: int = 100


def decision(connection: Connection, number: int) -> DecisionRow | None:
    """The decision of this id."""
    found = connection.execute(text(f"SELECT {_SELECTED} FROM decisions AS d WHERE d.id = :id"), {"id": number})  # noqa: S608
    row = found.one_or_none()
    return None if row is None else DecisionRow._make(row)


def decisions_page(connection: Connection, experiment_id: int, wanted: Filter) -> list[DecisionRow]:
    """Decisions newest first."""
    conditions = {
        "unit_id": "d.unit_id = :unit_id",
        "start": "d.decided_at >= :start",
        "end": "d.decided_at < :end",
        "before": "d.id < :before",
    }
    values: dict[str, Any] = {name: getattr(wanted, name) for name in conditions}
    given = [conditions[name] for name, value in values.items() if value is not None]
    query = f"""
    SELECT {_SELECTED} FROM decisions AS d WHERE {" AND ".join(["d.experiment_id = :experiment_id", *given])}
    ORDER BY d.id DESC LIMIT :limit
    """  # noqa: S608
    values = {name: value for name, value in values.items() if value is not None}
    found = connection.execute(text(query), {**values, "experiment_id": experiment_id, "limit": wanted.limit})
    return [DecisionRow._make(row) for row in found]


def decisions_after(connection: Connection, experiment_id: int, last: int, limit: int) -> list[DecisionRow]:
    """The next decisions in the order of their ids."""
    query = f"""
    SELECT {_SELECTED} FROM decisions AS d WHERE d.experiment_id = :experiment_id AND d.id > :last
    ORDER BY d.id LIMIT :limit
    """  # noqa: S608
    found = connection.execute(text(query), {"experiment_id": experiment_id, "last": last, "limit": limit})
    return [DecisionRow._make(row) for row in found]


def count_decisions(connection: Connection, experiment_id: int) -> int:
    """How many decisions the experiment has."""
    query = text("SELECT count(*) FROM decisions WHERE experiment_id = :experiment_id")
    return int(connection.execute(query, {"experiment_id": experiment_id}).scalar_one())


def voids_of(connection: Connection, ids: Iterable[int]) -> dict[int, tuple[str, int]]:
    """(reason, when) of those decisions that are void."""
    listed = {"ids": values_for(connection, set(ids))}
    found = connection.execute(text(_VOIDS + one_of(connection, "decision_id", "ids")), listed)
    return {number: (reason, at) for number, reason, at in found}


def rounds_of(connection: Connection, ids: Iterable[int]) -> dict[int, tuple[float, Any]]:
    """(reward, metrics) of those decisions that matured and were joined; metrics as the driver gives JSON."""
    listed = {"ids": values_for(connection, set(ids))}
    found = connection.execute(text(_ROUNDS + one_of(connection, "decision_id", "ids")), listed)
    return {number: (reward, metrics) for number, reward, metrics in found}


def outcomes_of(connection: Connection, row: DecisionRow) -> list[dict[str, Any]]:
    """Outcomes that name the decision, and the unit's own that fall between this decision and its maturity."""
    conditions = """
    o.decision_id = :id OR (o.decision_id IS NULL AND o.unit_id = :unit_id AND o.occurred_at >= :decided_at
      AND o.occurred_at < :matures_at) ORDER BY o.occurred_at, o.id
    """
    values = {"id": row.id, "unit_id": row.unit_id, "decided_at": row.decided_at, "matures_at": row.matures_at}
    return [dict(found) for found in connection.execute(text(_OUTCOMES + conditions), values).mappings()]
