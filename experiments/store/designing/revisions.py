"""Definitions by revision, read once: a revision never changes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from sqlalchemy import Connection, text
from sqlmodel import Session, select

from bandit.rounds import Arm
from experiments.metrics import MetricPlan
from experiments.model.designing.definition import Definition
from experiments.model.tables.core import Revision
from experiments.model.times import duration_micros

_HEADS = "SELECT id, key, salt, status, revision, clock_now FROM experiments WHERE status <> 'draft' ORDER BY id"


class Head(NamedTuple):
    """An experiment's state at one moment."""

    id: int
    key: str
    salt: bytes
    status: str
    revision: int
    clock_now: int | None


def heads(connection: Connection) -> list[Head]:
    """Every experiment that was ever started."""
    return [Head(*row) for row in connection.execute(text(_HEADS))]


class RevisionFacts:
    """One revision, with what follows from its definition."""

    def __init__(self, number: int, definition: Definition) -> None:
        self.number, self.definition = number, definition
        self.features = definition.context.as_spec()
        self.plan = MetricPlan(definition)
        self.window = duration_micros(definition.attribution_window)
        self.grace = duration_micros(definition.grace)
        early = definition.learning_window
        self.learning_window = None if early is None else duration_micros(early)
        self.on_callers_clock = definition.clock == "caller"
        self.shares_rounds = any(variant.learn_from == "all" for variant in definition.variants)
        self._arms = {arm.key: arm.as_arm() for arm in definition.arms_with_nothing}
        self._sets: dict[tuple[object, ...], tuple[Arm, ...]] = {}

    def arms(self, keys: Sequence[str], costs: Mapping[str, float]) -> tuple[Arm, ...]:
        """The arms of these keys as the decision saw them; equal sets are one object, which policies recognise."""
        place = (*keys, *sorted(costs.items())) if costs else tuple(keys)
        known = self._sets.get(place)
        if known is None:
            chosen = (self._arms[key] for key in keys)
            known = tuple(replace(arm, reward_cost=costs.get(arm.key, arm.reward_cost)) for arm in chosen)
            if len(self._sets) >= 4096:
                self._sets.clear()
            self._sets[place] = known
        return known


class RevisionBook:
    """The revisions that were asked for."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], RevisionFacts] = {}

    def of(self, session: Session, experiment_id: int, number: int) -> RevisionFacts:
        """One revision's facts."""
        place = (experiment_id, number)
        if place not in self._known:
            self._load(session, experiment_id)
        return self._known[place]

    def all(self, session: Session, experiment_id: int, newest: int) -> dict[int, RevisionFacts]:
        """Every revision up to `newest`."""
        self.of(session, experiment_id, newest)
        return {number: facts for (owner, number), facts in self._known.items() if owner == experiment_id}

    def _load(self, session: Session, experiment_id: int) -> None:
        for row in session.exec(select(Revision).where(Revision.experiment_id == experiment_id)):
            if (experiment_id, row.number) not in self._known:
                facts = RevisionFacts(row.number, Definition.model_validate(row.definition))
                self._known[experiment_id, row.number] = facts


def definitions_of(connection: Connection, experiment_id: int) -> dict[int, Definition]:
    """The definitions of every revision, by number."""
    query = select(Revision.number, Revision.definition).where(Revision.experiment_id == experiment_id)
    return {number: Definition.model_validate(one) for number, one in connection.execute(query).all()}
