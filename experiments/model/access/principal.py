"""Who calls, and what they may do. Every service asks `require` before anything else (deny by default)."""

from dataclasses import dataclass
from typing import Literal

from experiments.errors import ForbiddenError

Scope = Literal["assign", "outcomes", "read", "experiment", "analyse", "admin"]
SCOPES: tuple[Scope, ...] = ("assign", "outcomes", "read", "experiment", "analyse", "admin")

ROLES: dict[str, frozenset[Scope]] = {
    "viewer": frozenset({"read"}),
    "analyst": frozenset({"read", "analyse"}),
    "experimenter": frozenset({"read", "analyse", "experiment"}),
    "admin": frozenset(SCOPES),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller: `name` as the audit log writes it (`key:NAME`, `user:EMAIL`, `system`); `key` is the key's number."""

    name: str
    scopes: frozenset[Scope]
    key: int | None = None


SYSTEM = Principal("system", frozenset(SCOPES))
"""The service acting by itself: the worker, the shell on the machine that holds the database."""


def require(principal: Principal, scope: Scope) -> None:
    """Raise ForbiddenError unless the caller holds `scope`; `admin` holds every scope."""
    if scope not in principal.scopes and "admin" not in principal.scopes:
        detail = f"this needs the scope {scope!r}; {principal.name} has {sorted(principal.scopes)}"
        raise ForbiddenError(detail, principal.name)
