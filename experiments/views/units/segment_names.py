"""Segments of an experiment's matured decisions: what a readout may be narrowed to."""

from sqlalchemy import Engine

from experiments.model.access.principal import Principal, require
from experiments.store.core.engine import reading
from experiments.store.designing.experiments import find
from experiments.store.rollups.cell_totals import segments_met


def segment_names(engine: Engine, principal: Principal, key: str) -> list[str]:
    """In order; those that `readout` lists, without its cost. Raises ForbiddenError, NotFoundError."""
    require(principal, "read")
    with reading(engine) as session:
        return segments_met(session.connection(), int(find(session, key).id or 0))
