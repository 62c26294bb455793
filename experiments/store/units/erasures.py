"""Persons who were erased, as the database knows them: keyed hashes of their ids, under a key of the service's own."""

import secrets
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, text
from sqlmodel import Session, col, func, select

from experiments.model.erasing import Person, pseudonym_of, unit_hash
from experiments.model.tables.batches import DecisionBatch
from experiments.model.tables.core import ServiceSetting
from experiments.model.tables.profiles import Erasure, HistoryPart
from experiments.store.core.bulk import is_sqlite, one_of, values_for
from experiments.store.core.engine import share
from experiments.store.core.locks import Lock
from experiments.store.units.erasure_journal import Line

_KEY = "erasure_key"
_ANY = text("SELECT EXISTS (SELECT 1 FROM erasures)")
_LIFT = "UPDATE erasures SET lifted_at = :now WHERE lifted_at IS NULL AND "


class Erased(NamedTuple):
    """A person whose events in parts up to `through_part` are not read, and who is `tombstone` in results of batches
    asked for until `erased_at`."""

    unit_hash: str
    through_part: int
    erased_at: int
    tombstone: str


class ErasedPeople(NamedTuple):
    """Some erased persons, and the key under which their ids are hashed."""

    key: bytes
    people: tuple[Erased, ...]

    def since(self, instant: int) -> "ErasedPeople":
        """Those of them who were erased at or after an instant."""
        return self._replace(people=tuple(each for each in self.people if each.erased_at >= instant))

    def names(self) -> Mapping[str, str]:
        """Hash → what stands in the unit's place."""
        return {each.unit_hash: each.tombstone for each in self.people}

    def tombstone(self, unit_id: str) -> str | None:
        """What stands in the place of a unit that is among them."""
        return self.names().get(unit_hash(self.key, unit_id)) if self.people else None

    def shown(self, units: pa.Array) -> pa.Array:
        """Ids of units with the erased ones replaced."""
        if not self.people:
            return units
        names, distinct = self.names(), units.unique()
        told = [None if unit is None else names.get(unit_hash(self.key, unit)) for unit in distinct.to_pylist()]
        return pc.coalesce(pa.array(told, pa.string()).take(pc.index_in(units, distinct)), units)


NOBODY = ErasedPeople(b"", ())


class Lifted(NamedTuple):
    """An erased unit: since when a new person has the id (None: nobody has)."""

    tombstone: str
    lifted_at: int | None

    def covers(self, occurred_at: int) -> bool:
        """Whether what happened at an instant is the erased person's."""
        return self.lifted_at is None or occurred_at < self.lifted_at


def erasure_key(connection: Connection) -> bytes | None:
    """The key; None where nobody was ever erased from a database that was emptied."""
    found = connection.execute(select(ServiceSetting.value).where(col(ServiceSetting.name) == _KEY)).scalar()
    return None if found is None else bytes.fromhex(found["key"])


def made_key(session: Session) -> bytes:
    """The key, made where there is none."""
    key = erasure_key(session.connection())
    if key is None:
        key = secrets.token_bytes(32)
        session.add(ServiceSetting(name=_KEY, value={"key": key.hex()}))
        session.flush()
    return key


def key_if_any(connection: Connection) -> bytes | None:
    """The key where somebody was erased: else no id need be hashed."""
    return erasure_key(connection) if connection.execute(_ANY).scalar() else None


def erased_units(connection: Connection, units: Iterable[str]) -> dict[str, Lifted]:
    """Which of these units were erased."""
    key = key_if_any(connection)
    if key is None:
        return {}
    hashes = {unit_hash(key, unit): unit for unit in set(units)}
    condition = one_of(connection, "unit_hash", "hashes")
    query = text(f"SELECT unit_hash, tombstone, lifted_at FROM erasures WHERE {condition}")  # noqa: S608 - ours
    found = connection.execute(query, {"hashes": values_for(connection, hashes)})
    return {hashes[hashed]: Lifted(tombstone, lifted_at) for hashed, tombstone, lifted_at in found}


def erased_among(connection: Connection, units: Iterable[str]) -> ErasedPeople:
    """Those of these units that are erased persons' and nobody's since."""
    key = key_if_any(connection)
    if key is None:
        return NOBODY
    found = erased_units(connection, units).items()
    return ErasedPeople(
        key, tuple(Erased(unit_hash(key, unit), 0, 0, one.tombstone) for unit, one in found if one.lifted_at is None)
    )


def refused_units(connection: Connection, units: Iterable[str]) -> set[str]:
    """Which of these units are those of erased persons: nothing of them is taken.

    Nobody is erased from then on until the transaction ends, so that what it writes is not too late.
    """
    share(connection, Lock.PEOPLE)
    return {unit for unit, found in erased_units(connection, units).items() if found.lifted_at is None}


def hide_in_part(session: Session, part: HistoryPart, events: pa.Table) -> None:
    """Keep a part of the history; persons who were erased while it was written are hidden in it as in those before.

    To be called before anything else in its transaction waits for a lock.
    """
    connection = session.connection()
    share(connection, Lock.PEOPLE)
    session.add(part)
    session.flush()
    erased = erased_units(connection, events["unit_id"].unique().to_pylist())
    if not erased:
        return
    pairs = zip(events["unit_id"].to_pylist(), events["occurred_at"].to_pylist(), strict=True)
    theirs = {unit for unit, at in pairs if unit in erased and erased[unit].covers(at)}
    key = made_key(session)
    for unit in sorted(theirs):
        row = session.get_one(Erasure, unit_hash(key, unit))
        row.through_part, row.in_files = int(part.id or 0), True
        session.add(row)


def erased_decisions(connection: Connection, ids: Iterable[int]) -> set[int]:
    """Which of these decisions are those of erased persons."""
    condition = one_of(connection, "d.id", "ids")
    query = text(f"SELECT d.id FROM decisions d JOIN erasures e ON e.tombstone = d.unit_id WHERE {condition}")  # noqa: S608
    return set(connection.execute(query, {"ids": values_for(connection, ids)}).scalars())


def lift(connection: Connection, unit_id: str, at: int) -> None:
    """From now on the id is a new person's."""
    key = key_if_any(connection)
    if key is not None:
        connection.execute(text(f"{_LIFT}unit_hash = :hash"), {"now": at, "hash": unit_hash(key, unit_id)})


def hold_off_decisions(session: Session) -> None:
    """Until the transaction ends no decision is committed; those under way come first, those after it look anew."""
    if not is_sqlite(session.connection()):
        session.connection().execute(text("LOCK TABLE decisions IN SHARE ROW EXCLUSIVE MODE"))


def person_to_erase(session: Session, unit_id: str, at: int) -> tuple[Person, Erasure | None]:
    """Somebody to be erased, under a name that nothing has yet, and what is known where that is not the first time.

    The instant is later than that of everybody who was erased before: decisions that are under way go by it.
    """
    at = max(at, 1 + (session.exec(select(func.max(col(Erasure.erased_at)))).one() or 0))
    key = made_key(session)
    before = session.get(Erasure, unit_hash(key, unit_id))
    times = 1 if before is None else before.times + 1
    query = text("SELECT id FROM decisions WHERE unit_id = :unit")
    decisions = session.connection().execute(query, {"unit": unit_id}).scalars()
    name = pseudonym_of(unit_hash(key, unit_id), times)
    return Person(unit_id, name, times, key, frozenset(decisions), at), before


def person_named(session: Session, line: Line, unit_id: str | None) -> Person:
    """Somebody who was erased before, as it is written down."""
    query = text("SELECT id FROM decisions WHERE unit_id = :unit")
    decisions = session.connection().execute(query, {"unit": unit_id}).scalars()
    return Person(unit_id or "", line.tombstone, line.times, made_key(session), frozenset(decisions), line.erased_at)


def unknown_erasures(session: Session, lines: Iterable[Line]) -> dict[str, Line]:
    """By hash, those that the database has not heard of."""
    known = {row.unit_hash: row.times for row in session.exec(select(Erasure))}
    return {line.unit_hash: line for line in lines if line.times > known.get(line.unit_hash, 0)}


def list_person(session: Session, person: Person, hashed: str | None = None) -> Erasure:
    """Remember that the person was erased: hidden at once in all files that are there."""
    through = session.exec(select(func.max(col(HistoryPart.id)))).one()
    row = Erasure(
        unit_hash=hashed or unit_hash(person.key, person.unit_id),
        times=person.times,
        tombstone=person.pseudonym,
        erased_at=person.at,
        through_part=int(through or 0),
        in_files=True,
    )
    return session.merge(row)


def any_files(session: Session) -> bool:
    """Whether files are there that may hold somebody: whom, only reading all of them would tell."""
    parts, batches = select(HistoryPart.id).limit(1), select(DecisionBatch.id).limit(1)
    return any(session.exec(query).first() is not None for query in (parts, batches))


def in_files(session: Session) -> ErasedPeople:
    """Who is not read and not shown, though files may still hold them."""
    found = session.exec(select(Erasure).where(col(Erasure.in_files))).all()
    people = [Erased(row.unit_hash, row.through_part, row.erased_at, row.tombstone) for row in found]
    key = erasure_key(session.connection()) if people else None
    return ErasedPeople(key or b"", tuple(people))


def out_of_files(session: Session, erased: Iterable[Erased]) -> None:
    """No file holds these persons any more, unless they were erased once more meanwhile."""
    for person in erased:
        row = session.get(Erasure, person.unit_hash)
        if row is not None and (row.through_part, row.erased_at) == (person.through_part, person.erased_at):
            row.in_files = False
            session.add(row)
