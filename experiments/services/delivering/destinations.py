"""Destinations: where assignments may be pushed to. Their secrets stay in the environment, under their own prefix."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from experiments.connectors.destinations import DESTINATIONS
from experiments.connectors.webhooks import VARIABLE, leads_astray, target_fault
from experiments.errors import ConflictError, Fault, InvalidError
from experiments.model.access.principal import Principal, require
from experiments.model.checks.shape import is_storable
from experiments.model.tables.deliveries import DestinationEntry
from experiments.model.times import now
from experiments.store import audit
from experiments.store.batching.deliveries import find_destination
from experiments.store.core.engine import transaction

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class DestinationWish:
    """A destination as it is asked for."""

    key: str
    kind: str
    url: str
    signing_env: str | None = None
    credential_env: str | None = None
    batch_size: int | None = None
    options: Mapping[str, Any] | None = None


def create_destination(engine: Engine, principal: Principal, wish: DestinationWish, allow_private: bool) -> None:
    """Remember a place to push to; `allow_private` lets it be an address of our own network.

    Raises ForbiddenError without the scope `admin`, InvalidError, ConflictError where the key is taken.
    """
    require(principal, "admin")
    faults = _faults(wish, allow_private)
    if faults:
        raise InvalidError(faults)
    _refuse_astray(wish.url, allow_private)
    row = DestinationEntry(
        key=wish.key,
        kind=wish.kind,
        url=wish.url,
        signing_env=wish.signing_env,
        credential_env=wish.credential_env,
        batch_size=_batch_size(wish),
        options=dict(wish.options or {}),
        created_at=now(),
        created_by=principal.name,
    )
    try:
        with transaction(engine) as session:
            session.add(row)
            session.flush()
            audit.append(session, principal, "destination.create", wish.key, _told(row))
    except ConflictError as error:
        raise ConflictError(f"there is or was a destination {wish.key!r}; its pushes are told by its key") from error


def change_destination(
    engine: Engine, principal: Principal, key: str, changes: Mapping[str, Any], allow_private: bool
) -> None:
    """Change some members; the kind and the key stay. Raises ForbiddenError, NotFoundError, InvalidError."""
    require(principal, "admin")
    if changes.get("url", "") is None:
        raise InvalidError([Fault("/url", "must be a text")])
    if "url" in changes and target_fault(changes["url"], allow_private=allow_private) is None:
        _refuse_astray(changes["url"], allow_private)  # before anything is locked: the network may be slow
    with transaction(engine) as session:
        row = find_destination(session, key, for_change=True)
        before = _told(row)
        wish = DestinationWish(row.key, row.kind, **{**_members(row), **changes})
        faults = _faults(wish, allow_private)
        if faults:
            raise InvalidError(faults)
        row.url, row.batch_size, row.options = wish.url, _batch_size(wish), dict(wish.options or {})
        row.signing_env, row.credential_env = wish.signing_env, wish.credential_env
        session.add(row)
        audit.append(session, principal, "destination.change", key, {"before": before, "after": _told(row)})


def delete_destination(engine: Engine, principal: Principal, key: str) -> None:
    """Nothing is pushed there from now on; what was pushed stays known. Raises ForbiddenError, NotFoundError."""
    require(principal, "admin")
    with transaction(engine) as session:
        row = find_destination(session, key, for_change=True)
        row.deleted_at = now()
        session.add(row)
        audit.append(session, principal, "destination.delete", key, {})


def _members(row: DestinationEntry) -> dict[str, Any]:
    names = ("url", "signing_env", "credential_env", "batch_size", "options")
    return {name: getattr(row, name) for name in names}


def _told(row: DestinationEntry) -> dict[str, Any]:
    """What the audit log says: names of variables, never what is in them."""
    return {"kind": row.kind, **_members(row)}


def _batch_size(wish: DestinationWish) -> int:
    most = DESTINATIONS[wish.kind].most
    return min(wish.batch_size or most, most)


def _refuse_astray(url: str, allow_private: bool) -> None:
    fault = None if allow_private else leads_astray(url)
    if fault is not None:
        raise InvalidError([Fault("/url", fault)])


def _faults(wish: DestinationWish, allow_private: bool) -> list[Fault]:
    faults = []
    if not _KEY.fullmatch(wish.key):
        faults.append(Fault("/key", "has letters, digits, '.', '_' and '-', at most 64, a letter or digit first"))
    fault = target_fault(wish.url, allow_private=allow_private)
    if fault is not None or not is_storable(wish.url):
        faults.append(Fault("/url", fault or "contains what no database keeps"))
    for name in ("signing_env", "credential_env"):
        value = getattr(wish, name)
        if value is not None and not VARIABLE.fullmatch(value):
            faults.append(Fault(f"/{name}", "names a variable of the form WINBACK_SECRET_NAME, in capitals"))
    kind = DESTINATIONS.get(wish.kind)
    if kind is None:
        return [*faults, Fault("/kind", f"must be one of {', '.join(DESTINATIONS)}")]
    if kind.credential is None and wish.signing_env is None:
        faults.append(Fault("/signing_env", f"required: pushes to a {wish.kind} are signed"))
    if kind.credential is not None and wish.credential_env is None:
        faults.append(Fault("/credential_env", f"required: {wish.kind} wants a credential"))
    return faults + _option_faults(wish.options or {}, kind.options)


def _option_faults(options: Mapping[str, Any], known: Mapping[str, str]) -> list[Fault]:
    faults = [
        Fault("/options", f"{name[:50]!r} is unknown; known: {', '.join(known)}")
        for name in options
        if name not in known
    ]
    faults += [
        Fault(f"/options/{name}", "must be a text of 1 to 100 characters")
        for name, value in options.items()
        if name in known and not (isinstance(value, str) and 1 <= len(value) <= 100 and is_storable(value))
    ]
    return faults
