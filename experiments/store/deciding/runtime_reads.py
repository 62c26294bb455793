"""What an API process keeps in memory: experiments with their adjustments, heads of learners, snapshots, settings."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import Engine
from sqlmodel import col, select

from experiments.model.tables.core import Adjustment, Experiment, Revision, ServiceSetting
from experiments.model.tables.workers import Learner, Snapshot
from experiments.store.core.engine import reading
from experiments.store.designing.catalogue import withdrawn_keys


class Heads(NamedTuple):
    """What tells whether anything changed: versions by experiment, snapshots by (experiment, variant), settings."""

    versions: dict[int, int]
    snapshots: dict[tuple[int, str], int]
    settings: dict[str, dict[str, Any]]


class StoredExperiment(NamedTuple):
    """An experiment with the adjustments that were not ended, and what is withdrawn from the arm catalogue."""

    experiment: Experiment
    adjustments: list[Adjustment]
    withdrawn: frozenset[str] = frozenset()


def read_heads(engine: Engine) -> Heads:
    """Raises UnavailableError."""
    with reading(engine) as session:
        versions = session.exec(select(Experiment.id, Experiment.version)).all()
        learners = session.exec(
            select(Learner.experiment_id, Learner.variant, Learner.snapshot_id).where(
                col(Learner.snapshot_id).is_not(None)
            )
        ).all()
        settings = session.exec(select(ServiceSetting.name, ServiceSetting.value)).all()
    snapshots = {(experiment_id, variant): number for experiment_id, variant, number in learners if number is not None}
    return Heads(
        {number: version for number, version in versions if number is not None},
        snapshots,
        {name: dict(value) for name, value in settings},
    )


def read_experiments(engine: Engine, ids: Iterable[int]) -> list[StoredExperiment]:
    """Raises UnavailableError."""
    wanted = list(ids)
    if not wanted:
        return []
    with reading(engine) as session:
        withdrawn = withdrawn_keys(session)
        return [
            StoredExperiment(
                experiment,
                list(
                    session.exec(
                        select(Adjustment)
                        .where(Adjustment.experiment_id == experiment.id, col(Adjustment.ended_at).is_(None))
                        .order_by(col(Adjustment.id))
                    )
                ),
                withdrawn,
            )
            for number in wanted
            if (experiment := session.get(Experiment, number)) is not None
        ]


def read_snapshot(engine: Engine, snapshot_id: int) -> Snapshot | None:
    """Raises UnavailableError."""
    with reading(engine) as session:
        return session.get(Snapshot, snapshot_id)


def read_definition(engine: Engine, experiment_id: int, revision: int) -> dict[str, Any] | None:
    """The definition of one revision. Raises UnavailableError."""
    with reading(engine) as session:
        found = session.get(Revision, (experiment_id, revision))
        return None if found is None else found.definition
