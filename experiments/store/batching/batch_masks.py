"""Who is hidden in a batch's result, and whom nobody may contact, at the moment at which rows are written or read."""

from collections.abc import Sequence

from sqlalchemy import Engine
from sqlmodel import Session

from experiments.model.tables.batches import DecisionBatch
from experiments.store.batching.batch_results import Mask, Masking
from experiments.store.core.engine import reading
from experiments.store.limits.suppressed import suppressed_among
from experiments.store.units.erasures import erased_among, in_files


def masking_of(engine: Engine, number: int) -> Masking:
    """The masks of a batch's rows; each looks anew."""
    with reading(engine) as session:
        asked_for = session.get_one(DecisionBatch, number).created_at

    def masking(units: Sequence[str]) -> Mask:
        with reading(engine) as session:
            return _mask(session, asked_for, units)

    return masking


def _mask(session: Session, asked_for: int, units: Sequence[str]) -> Mask:
    """Who was erased since the batch was asked for stays hidden when somebody new has the id."""
    connection, since = session.connection(), in_files(session).since(asked_for)
    now = erased_among(connection, units)
    erased = since._replace(key=since.key or now.key, people=(*since.people, *now.people))
    return Mask(erased, suppressed_among(connection, units))
