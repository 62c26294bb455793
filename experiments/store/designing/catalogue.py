"""The arm catalogue in the database."""

from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet

from sqlalchemy import update
from sqlmodel import Session, col, select

from experiments.model.catalogue import WITHDRAWN
from experiments.model.designing.definition import Definition
from experiments.model.designing.states import LIVE
from experiments.model.tables.core import Experiment
from experiments.model.tables.streams import CatalogueArm


def catalogued(session: Session, keys: Collection[str]) -> dict[str, CatalogueArm]:
    """The rows of these keys, held against other changes until the transaction ends."""
    query = select(CatalogueArm).where(col(CatalogueArm.key).in_(keys)).order_by(col(CatalogueArm.key))
    return {row.key: row for row in session.exec(query.with_for_update())}


def withdrawn_keys(session: Session) -> frozenset[str]:
    """Keys of the arms that are withdrawn."""
    return frozenset(session.exec(select(CatalogueArm.key).where(CatalogueArm.status == WITHDRAWN)))


def experiments_with(session: Session, keys: AbstractSet[str]) -> Sequence[Experiment]:
    """Live experiments of which an arm refers to one of these."""
    live = session.exec(select(Experiment).where(col(Experiment.status).in_(LIVE)).order_by(col(Experiment.id))).all()
    return [each for each in live if keys & Definition.model_validate(each.definition).catalogue_keys]


def renew(session: Session, experiments: Sequence[Experiment]) -> None:
    """Another version of each, so that every process looks at its eligible arms again with its next decision."""
    ids = [each.id for each in experiments]
    session.connection().execute(
        update(Experiment).where(col(Experiment.id).in_(ids)).values(version=Experiment.version + 1)
    )
