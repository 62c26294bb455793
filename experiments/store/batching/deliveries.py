"""Deliveries in the database: which decisions are theirs, and where each destination is."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, text
from sqlmodel import Session, select

from experiments.errors import NotFoundError
from experiments.model.assigned import Assigned
from experiments.model.erasing import is_pseudonym
from experiments.model.ids import first_id_at, public_id
from experiments.model.tables.core import Experiment
from experiments.model.tables.deliveries import Delivery, DestinationEntry
from experiments.model.times import SECOND, now
from experiments.store.batching.batch_results import Numbers, decisions_of
from experiments.store.core.bulk import one_of, values_for
from experiments.store.designing.revisions import RevisionBook

LOOKBACK = 60 * SECOND
"""A decision may be committed after one with a higher id: what continues another delivery looks back this far."""


class DeliverableRow(NamedTuple):
    """One decision on its way out. `void`: why it was voided; `suppressed`: the unit is on the list now."""

    id: int
    unit_id: str
    revision: int
    variant: str
    arm: str
    propensity: float
    decided_at: int
    expires_at: int
    matures_at: int
    void: str | None
    suppressed: bool

    @property
    def is_withheld(self) -> bool:
        """Whether nobody may contact the unit: it is on the list, or that of a person who was erased."""
        return self.suppressed or is_pseudonym(self.unit_id)


class Source(NamedTuple):
    """Which of an experiment's decisions: a condition on `d`, and its parameters."""

    condition: str
    values: Mapping[str, Any]


def _of_segment(request: Mapping[str, Any]) -> Source:
    """Those of units that are in a segment now."""
    condition = """d.unit_id IN (SELECT m.unit_id FROM segment_members m JOIN segments s ON s.id = m.segment_id
    WHERE s.key = :segment"""
    if request.get("value") is None:
        return Source(condition + ")", {"segment": request["segment"]})
    return Source(condition + " AND m.value = :value)", {"segment": request["segment"], "value": request["value"]})


SOURCES: dict[str, Callable[[Mapping[str, Any]], Source]] = {"segment": _of_segment}
"""What narrows a delivery by what the database knows; without any, all of the experiment's decisions are its own."""

_ROWS = """
SELECT d.id, d.unit_id, d.revision, d.variant, d.arm, d.propensity, d.decided_at, d.expires_at, d.matures_at, v.reason,
  s.unit_id IS NOT NULL
FROM decisions d LEFT JOIN voids v ON v.decision_id = d.id
LEFT JOIN suppressions s ON s.unit_id = d.unit_id AND (s.expires_at IS NULL OR s.expires_at > :now)
"""

_PAGE = """
WHERE d.experiment_id = :experiment_id AND d.id > :after AND d.id <= :through AND {condition} ORDER BY d.id LIMIT :count
"""


_CHOSEN = "WHERE {condition} ORDER BY d.id"


def chosen_by_batch(delivery: Delivery, folder: Path) -> Numbers | None:
    """The decisions of the batch that a delivery is of, by the batch's own result; None where it is of none.

    Raises NotFoundError where the result is not in this data directory.
    """
    number = delivery.request["source"].get("batch")
    return None if number is None else decisions_of(folder, int(number))


def deliverable(
    connection: Connection, delivery: Delivery, after: int, count: int, chosen: Numbers | None
) -> list[DeliverableRow]:
    """The next decisions of a delivery behind `after`, in the order of their ids; `chosen`: see `chosen_by_batch`."""
    if chosen is not None:
        return _of_chosen(connection, chosen[np.searchsorted(chosen, after, side="right") :], delivery.through, count)
    source = _source(delivery.request["source"])
    values = {**source.values, "experiment_id": delivery.experiment_id, "through": delivery.through}
    found = connection.execute(
        text(_ROWS + _PAGE.format(condition=source.condition)), {**values, "after": after, "count": count, "now": now()}
    )
    return [DeliverableRow._make(row) for row in found]


def _of_chosen(connection: Connection, chosen: Numbers, through: int, count: int) -> list[DeliverableRow]:
    chosen = chosen[: np.searchsorted(chosen, through, side="right")]
    query = text(_ROWS + _CHOSEN.format(condition=one_of(connection, "d.id", "numbers")))
    for start in range(0, len(chosen), count):  # a page of which nothing is left is not the end
        numbers = values_for(connection, chosen[start : start + count].tolist())
        found = connection.execute(query, {"numbers": numbers, "now": now()}).all()
        if found:
            return [DeliverableRow._make(row) for row in found]
    return []


def assigned_rows(
    session: Session, book: RevisionBook, experiment: Experiment, decisions: Iterable[DeliverableRow]
) -> list[Assigned]:
    """Decisions with what their arm carried in their revision."""
    rows = []
    for each in decisions:
        arm = book.of(session, int(experiment.id or 0), each.revision).definition.arm(each.arm)
        drawn = (each.revision, each.variant, each.arm, arm.event_type, arm.reward_kind, arm.reward_amount)
        times = (each.propensity, each.decided_at, each.expires_at)
        rows.append(Assigned(public_id(each.id), each.unit_id, experiment.key, *drawn, *times, arm.payload))
    return rows


def last_decision(connection: Connection, experiment_id: int) -> int:
    """The highest id of the experiment's decisions; 0 where it has none."""
    query = text("SELECT coalesce(max(id), 0) FROM decisions WHERE experiment_id = :id")
    return int(connection.execute(query, {"id": experiment_id}).scalar_one())


def next_cursor(row: Delivery) -> int:
    """Where a later delivery goes on: before what may still have been uncommitted when this one was asked for."""
    return max(row.after, min(row.through, first_id_at(row.created_at - LOOKBACK)))


def find_destination(session: Session, key: str, *, for_change: bool = False) -> DestinationEntry:
    """The destination of this key. Raises NotFoundError."""
    query = select(DestinationEntry).where(DestinationEntry.key == key)
    found = None
    if "\0" not in key:
        found = session.exec(query.with_for_update() if for_change else query).first()
    if found is None or found.deleted_at is not None:
        raise NotFoundError(f"there is no destination {key[:64]!r}")
    return found


def find_delivery(session: Session, number: int, *, for_change: bool = False) -> Delivery:
    """The delivery of this number. Raises NotFoundError."""
    query = select(Delivery).where(Delivery.id == number)
    found = session.exec(query.with_for_update() if for_change else query).first()
    if found is None:
        raise NotFoundError(f"there is no delivery {number}")
    return found


def _source(request: Mapping[str, Any]) -> Source:
    for name, source in SOURCES.items():
        if request.get(name) is not None:
            return source(request)
    return Source("1 = 1", {})
