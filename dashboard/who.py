"""On whose behalf pages read and change things."""

from dataclasses import dataclass

from sqlalchemy import Engine

from experiments.model.access.principal import Principal, Scope
from experiments.settings import Settings


@dataclass(frozen=True, slots=True)
class Who:
    """On whose behalf views are read and services called."""

    engine: Engine
    principal: Principal
    settings: Settings

    def may(self, scope: Scope) -> bool:
        """Whether services would let them: a button that would be refused is not shown."""
        return scope in self.principal.scopes or "admin" in self.principal.scopes
