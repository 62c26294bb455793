"""Erase people: nothing that names them stays, and what was counted stays as it was."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Engine
from sqlmodel import Session

from experiments.errors import NotFoundError
from experiments.model.access.principal import Principal, require
from experiments.model.times import now
from experiments.model.units import unit_id_faults
from experiments.store import audit
from experiments.store.core.engine import hold, transaction
from experiments.store.core.locks import Lock
from experiments.store.units import erasure_journal
from experiments.store.units.erasure_journal import Line
from experiments.store.units.erasures import (
    any_files,
    hold_off_decisions,
    list_person,
    person_named,
    person_to_erase,
    unknown_erasures,
)
from experiments.store.units.forgetting import forget, units_hashed


def erase_unit(engine: Engine, principal: Principal, unit_id: str, folder: Path | None = None) -> None:
    """Erase a person and keep the statistics.

    The profile goes, and every store forgets the person (store.forgetting): ids and event ids give way to keyed
    hashes, the same everywhere, so that outcomes still belong to their decisions and a redelivery is still a duplicate;
    contexts and properties are emptied; bucket, draw and numbers stay, so that sums can be added up again. Files are no
    longer read for the unit from now on, and written anew later. From then on decisions, outcomes, imports and streams
    answer `erased` for the unit, until a profile is put under its id. `folder` is the data directory, where the erasure
    is written down also for databases that are restored. Raises ForbiddenError without the scope `admin`, NotFoundError
    where nothing is known of the unit.
    """
    require(principal, "admin")
    if unit_id_faults(unit_id):
        raise NotFoundError("nothing is known of this unit")
    with transaction(engine) as session:
        hold(session, Lock.PEOPLE)  # who looked before whether the person is erased writes before
        hold(session, Lock.INTAKE)  # what is being taken in was looked up before: it comes first
        hold_off_decisions(session)
        person, before = person_to_erase(session, unit_id, now())
        counts = forget(session, person)
        is_new = before is None or before.lifted_at is not None
        if not any(counts.values()) and not (is_new and any_files(session)):
            raise NotFoundError("nothing is known of this unit")
        row = list_person(session, person)
        told = {name: counts[name] for name in ("decisions", "outcomes", "dead_letters")}
        audit.append(session, principal, "unit.erase", person.pseudonym, told)
        if folder is not None:
            erasure_journal.append(folder, [row])


def erase_again(engine: Engine, principal: Principal, lines: Sequence[Line]) -> int:
    """Erase in a database that was put back who was erased since it was copied; how many persons.

    Their ids are known by their hashes alone: every unit that is there is hashed. Raises ForbiddenError without the
    scope `admin`.
    """
    require(principal, "admin")
    with transaction(engine) as session:
        hold(session, Lock.PEOPLE)
        missed = unknown_erasures(session, lines)
        units = units_hashed(session, set(missed)) if missed else {}
        for hashed, line in missed.items():
            _erase_line(session, line, units.get(hashed))
    return len(missed)


def _erase_line(session: Session, line: Line, unit_id: str | None) -> None:
    """Also where no row has the unit: files may."""
    person = person_named(session, line, unit_id)
    if unit_id is not None:
        forget(session, person)
    list_person(session, person, line.unit_hash)
