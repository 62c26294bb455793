"""Define experiments and change their definitions."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, select

from experiments.errors import ConflictError, Fault, InvalidError, PreconditionFailedError
from experiments.model.access.principal import Principal, require
from experiments.model.checks import read_definition, study, warnings_of
from experiments.model.designing.definition import Definition
from experiments.model.designing.editability import EDITABILITY, forbidden
from experiments.model.designing.limit_plan import limits_of
from experiments.model.merging import merge_patch
from experiments.model.tables.core import Experiment
from experiments.model.times import now
from experiments.store import audit
from experiments.store.core.engine import reading, transaction
from experiments.store.designing.experiments import find, open_revision, place_in_layer, stored_form
from experiments.store.limits.totals import forget_totals


@dataclass(frozen=True, slots=True)
class Designed:
    """A definition that was stored: under which key, as which revision, and what may surprise about it."""

    key: str
    revision: int
    warnings: Sequence[Fault]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What would come of defining an experiment; `definition` has every default filled in (None: it has faults)."""

    definition: dict[str, Any] | None
    faults: Sequence[Fault]
    warnings: Sequence[Fault]


def validate_experiment(engine: Engine, principal: Principal, document: Any) -> Verdict:
    """Everything `create_experiment` would object to or warn of, without storing anything."""
    require(principal, "experiment")
    reading = study(document)
    if reading.definition is None:
        return Verdict(None, reading.faults, [])
    try:
        return _rehearse(engine, reading.definition)
    except InvalidError as error:
        return Verdict(None, error.faults, [])


def create_experiment(engine: Engine, principal: Principal, document: Any) -> Designed:
    """Store a draft. Raises ForbiddenError, InvalidError with every fault, ConflictError where the key is taken."""
    require(principal, "experiment")
    definition = read_definition(document)
    with transaction(engine) as session:
        return _store(session, principal, definition, "experiment.create", {})


def clone_experiment(engine: Engine, principal: Principal, key: str, changes: Any) -> Designed:
    """Store a draft like another experiment, with `changes` (a merge patch that gives at least a new key).

    The clone has a salt of its own, so that its units are assigned afresh, and is given a free place in its layer.
    Raises as `create_experiment` does, and NotFoundError.
    """
    require(principal, "experiment")
    if not isinstance(changes, dict) or "key" not in changes:
        raise InvalidError([Fault("/key", "give the clone a key of its own")])
    with transaction(engine) as session:
        source = dict(find(session, key).definition)
        if source.get("layer"):
            source["layer"] = {**source["layer"], "offset": None}
        definition = read_definition(merge_patch(source, changes))
        return _store(session, principal, definition, "experiment.clone", {"source": key})


def change_experiment(
    engine: Engine, principal: Principal, key: str, patch: Any, expected_version: int | None = None
) -> Designed:
    """Apply a merge patch to the definition; what changes chances or counting opens a new revision once it runs.

    Raises ForbiddenError, NotFoundError, PreconditionFailedError where the experiment is at another version than
    `expected_version`, ConflictError where the status forbids the change (see `editability`), InvalidError.
    """
    require(principal, "experiment")
    if not isinstance(patch, dict):
        raise InvalidError([Fault("", "must be an object: a JSON merge patch of the definition")])
    with transaction(engine) as session:
        row = find(session, key, for_change=True)
        refuse_other_version(row, expected_version)
        definition = read_definition(merge_patch(row.definition, patch))
        changed = _changed(row, definition)
        _refuse_forbidden(changed, row.status)
        definition, notes = place_in_layer(session, definition, row.id) if "layer" in changed else (definition, [])
        if changed:
            _change(session, principal, row, definition, changed)
        return Designed(row.key, row.revision, [*notes, *warnings_of(definition)])


def validate_change(engine: Engine, principal: Principal, key: str, patch: Any) -> Verdict:
    """Everything `change_experiment` would object to or warn of, without storing anything.

    What the status forbids is a fault at its field. Raises ForbiddenError, NotFoundError.
    """
    require(principal, "experiment")
    with reading(engine) as session:
        row = find(session, key)
        found = study(merge_patch(row.definition, patch))
        if found.definition is None:
            return Verdict(None, found.faults, [])
        changed = _changed(row, found.definition)
        faults = [Fault(f"/{name}", EDITABILITY[name].why) for name in sorted(forbidden(changed, row.status))]
        try:
            placed, notes = place_in_layer(session, found.definition, row.id)
        except InvalidError as error:
            return Verdict(None, [*faults, *error.faults], [])
    return Verdict(None if faults else stored_form(placed), faults, [*notes, *warnings_of(placed)])


def refuse_other_version(row: Experiment, expected: int | None) -> None:
    """Raise PreconditionFailedError where the caller read another version than the one in force."""
    if expected is not None and expected != row.version:
        raise PreconditionFailedError(f"{row.key} is at version {row.version}, not {expected}; read it again")


def _rehearse(engine: Engine, definition: Definition) -> Verdict:
    with reading(engine) as session:
        faults = [Fault("/key", "is taken")] if _is_taken(session, definition.key) else []
        placed, notes = place_in_layer(session, definition, None)
    return Verdict(None if faults else stored_form(placed), faults, [*notes, *warnings_of(placed)])


def _is_taken(session: Session, key: str) -> bool:
    return session.exec(select(Experiment.id).where(Experiment.key == key)).first() is not None


def _store(
    session: Session, principal: Principal, definition: Definition, action: str, detail: dict[str, Any]
) -> Designed:
    placed, notes = place_in_layer(session, definition, None)
    if _is_taken(session, definition.key):
        raise ConflictError(f"there is an experiment {definition.key!r} already")
    form = stored_form(placed)
    salt = bytes.fromhex(definition.salt) if definition.salt else secrets.token_bytes(32)
    session.add(Experiment(key=definition.key, salt=salt, status="draft", definition=form, created_at=now()))
    audit.append(session, principal, action, definition.key, {**detail, "definition": form})
    return Designed(definition.key, 1, [*notes, *warnings_of(placed)])


def _changed(row: Experiment, definition: Definition) -> set[str]:
    new = stored_form(definition)
    changed = {name for name in new if new[name] != row.definition.get(name)}
    return changed | {"salt"} if definition.salt and bytes.fromhex(definition.salt) != row.salt else changed


def _refuse_forbidden(changed: set[str], status: str) -> None:
    refused = sorted(forbidden(changed, status))
    later = [name for name in refused if status == "running" and EDITABILITY[name].while_paused]
    never = [name for name in refused if name not in later]
    sentences = []
    if later:
        sentences.append(f"{', '.join(later)}: cannot change while running; pause the experiment first")
    if never:
        sentences.append(f"{', '.join(never)}: cannot change in a {status} experiment; clone it instead")
    if sentences:
        raise ConflictError("; ".join(sentences))


def _change(session: Session, principal: Principal, row: Experiment, definition: Definition, changed: set[str]) -> None:
    before = {name: row.definition.get(name) for name in sorted(changed)}
    row.definition = stored_form(definition)
    row.version += 1
    if changed & {"caps", "budget"}:
        forget_totals(session, row.id or 0, limits_of(definition))
    if row.status != "draft" and any(EDITABILITY[name].opens_revision for name in changed):
        row.revision += 1
        open_revision(session, row, now())
    session.add(row)
    after = {name: row.definition.get(name) for name in sorted(changed)}
    detail = {"version": row.version, "revision": row.revision, "before": before, "after": after}
    audit.append(session, principal, "experiment.change", row.key, detail)
