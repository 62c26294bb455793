"""Every store that holds people, and how each forgets somebody: ids become keyed hashes, free text goes, numbers stay.

A table that is not in STORES holds nobody; the suite over all stores (tests/experiments/erasing) walks every table
there is, so that a new one has to say here or there which it is.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from itertools import chain

import msgspec
from sqlalchemy import bindparam, text
from sqlmodel import Session, col, select

from experiments.model.deciding.drawing import draw_number
from experiments.model.deciding.hashing import unit_bucket
from experiments.model.deciding.record import decode_record, encode_record
from experiments.model.erasing import SOURCE, Person, event_hash, exposure_hash, unit_hash
from experiments.model.ids import public_id
from experiments.model.tables import SQLModel
from experiments.model.tables.batches import DecisionBatch
from experiments.model.tables.core import Decision, Experiment, Outcome, Void
from experiments.model.tables.deliveries import Delivery, FallbackExposure
from experiments.store.core.bulk import one_of, values_for
from experiments.store.recording.dead_letters import bury, strings_of_letters
from experiments.store.units.erasures import made_key

Forget = Callable[[Session, Person], int]
"""Forgets a person in one store; how many rows were touched."""

KNOWN_REASONS = ("fallback", "replay_rejected")
"""Reasons of voids that are ours; others are free text."""


def _deleted(table: str) -> Forget:
    statement = text(f"DELETE FROM {table} WHERE unit_id = :unit")  # noqa: S608 - our tables
    return lambda session, person: session.connection().execute(statement, {"unit": person.unit_id}).rowcount


def _renamed(table: str) -> Forget:
    statement = text(f"UPDATE {table} SET unit_id = :name WHERE unit_id = :unit")  # noqa: S608 - our tables
    return lambda session, person: (
        session.connection().execute(statement, {"unit": person.unit_id, "name": person.pseudonym}).rowcount
    )


def _decisions(session: Session, person: Person) -> int:
    """Learners skip records that say `erased`: an empty context would teach what nobody did."""
    rows = session.exec(select(Decision).where(Decision.unit_id == person.unit_id)).all()
    salts = {row.id: row.salt for row in session.exec(select(Experiment))}
    for row in rows:
        salt = salts[row.experiment_id]
        record = msgspec.structs.replace(
            decode_record(row.record),
            context={},
            erased=True,
            bucket=unit_bucket(salt, person.unit_id),
            draw=draw_number(salt, person.unit_id, row.epoch, row.attempt),
        )
        row.unit_id, row.idempotency_key, row.record = person.pseudonym, None, encode_record(record).decode()
        session.add(row)
    session.flush()
    return len(rows)


def _outcomes(session: Session, person: Person) -> int:
    """Those of the unit, and those that name its decisions."""
    connection = session.connection()
    ids = {"ids": values_for(connection, person.decisions)}
    of_decisions = text(one_of(connection, "decision_id", "ids")).bindparams(**ids)
    theirs = select(Outcome).where((col(Outcome.unit_id) == person.unit_id) | of_decisions)
    rows = session.exec(theirs).all()
    for row in rows:
        row.unit_id = None if row.unit_id is None else person.pseudonym
        row.source, row.event_id = SOURCE, event_hash(person.key, row.source, row.event_id)
        row.properties = None
        session.add(row)
    return len(rows)


def _voids(session: Session, person: Person) -> int:
    rows = [row for number in person.decisions if (row := session.get(Void, number)) is not None]
    for row in rows:
        row.reason = row.reason if row.reason in KNOWN_REASONS else SOURCE
        session.add(row)
    return len(rows)


def _fallbacks(session: Session, person: Person) -> int:
    rows = session.exec(select(FallbackExposure).where(FallbackExposure.unit_id == person.unit_id)).all()
    for row in rows:
        row.unit_id, row.exposure_id = person.pseudonym, exposure_hash(person.key, row.exposure_id)
        session.add(row)
    return len(rows)


def _deliveries(session: Session, person: Person) -> int:
    """What a receiver said of a decision that it refused, and its last error, which may repeat what was sent."""
    theirs, touched = {public_id(number) for number in person.decisions}, 0
    if not theirs:
        return 0
    for row in session.exec(select(Delivery).where(col(Delivery.destination_id).is_not(None))):
        kept = {key: why for key, why in row.refusals.items() if key not in theirs}
        if len(kept) < len(row.refusals) or (row.error and person.unit_id in row.error):
            row.refusals = kept
            row.error = row.error and row.error.replace(person.unit_id, person.pseudonym)
            session.add(row)
            touched += 1
    return touched


_BEFORE = text("SELECT max(unit_id) FROM units WHERE unit_id < :unit")
_MOVE = text("UPDATE batches SET position = :position WHERE id = :id").bindparams(
    bindparam("position"), bindparam("id")
)


def _batches(session: Session, person: Person) -> int:
    """A batch that stands at the unit goes on from the one before: the unit itself is there no more."""
    before = session.connection().execute(_BEFORE, {"unit": person.unit_id}).scalar() or ""
    touched = 0
    for number, written in session.exec(select(DecisionBatch.id, DecisionBatch.position)).all():
        position = msgspec.json.decode(written) if written else {}
        if position.get("after") == person.unit_id:
            position = msgspec.json.encode({**position, "after": before}).decode()
            session.connection().execute(_MOVE, {"position": position, "id": number})
            touched += 1
    return touched


STORES: dict[str, Forget] = {
    "units": _deleted("units"),
    "decisions": _decisions,
    "voids": _voids,
    "outcomes": _outcomes,
    "fallback_exposures": _fallbacks,
    "segment_members": _deleted("segment_members"),
    "segment_changes": _renamed("segment_changes"),
    "suppressions": _deleted("suppressions"),
    "unit_versions": _deleted("unit_versions"),
    "portfolio_units": _renamed("portfolio_units"),
    "held_out_asks": _renamed("held_out_asks"),
    "deliveries": _deliveries,
    "batches": _batches,
    "dead_letters": lambda session, person: bury(session, (person.unit_id, *map(public_id, person.decisions))),
}
"""By table. What files hold is hidden at once and gone once they are written anew (store.compaction, batch_results)."""


def units_hashed(session: Session, hashes: AbstractSet[str]) -> dict[str, str]:
    """Hash → unit, of the units in any store that have one of these; each unit there is is hashed once."""
    connection, key = session.connection(), made_key(session)
    named = [name for name in STORES if "unit_id" in SQLModel.metadata.tables[name].columns]
    query = " UNION ".join(f"SELECT unit_id FROM {name}" for name in named)  # noqa: S608 - our tables
    units = (unit for unit in connection.execute(text(query)).scalars() if unit is not None)
    letters = strings_of_letters(session)
    return {hashed: unit for unit in chain(units, letters) if (hashed := unit_hash(key, unit)) in hashes}


def forget(session: Session, person: Person) -> dict[str, int]:
    """Forget a person everywhere; rows touched by store."""
    return {name: each(session, person) for name, each in STORES.items()}
