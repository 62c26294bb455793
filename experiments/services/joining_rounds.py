"""Decisions and outcomes → rounds, without a database: what the joiner computes before it takes the write lock."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from experiments.metrics import Event, Exposure
from experiments.store.joining import MATURED, Matured, Stage, StoredOutcome
from experiments.store.revisions import RevisionFacts

EARLY_COLUMNS = (
    "decision_id",
    "experiment_id",
    "revision",
    "variant",
    "arm",
    "propensity",
    "marginal_propensity",
    "reward",
    "learnable",
)
MATURED_COLUMNS = (*EARLY_COLUMNS, "segment", "metrics", "decided_at", "voided")


class Remembered(msgspec.Struct):
    """The part of a record that every join needs."""

    segment: str = ""
    costs: dict[str, float] = {}
    erased: bool = False


class Joined(NamedTuple):
    """A decision with what it earned."""

    decision: Matured
    segment: str
    reward: float
    metrics: dict[str, float]
    learnable: bool


PLAIN = Remembered()
# Records leave out what has its default, so that most need not be read at all.
_TOLD = ('"segment":', '"costs":', '"erased":')
_remember = msgspec.json.Decoder(Remembered).decode
_as_json = msgspec.json.Encoder().encode


def join_decisions(
    facts: Mapping[int, RevisionFacts], stage: Stage, decisions: Sequence[Matured], outcomes: Sequence[StoredOutcome]
) -> list[Joined]:
    """Each decision with the outcomes that count for it, in the order given; `facts` by revision."""
    named: dict[int, list[StoredOutcome]] = defaultdict(list)
    by_unit: dict[str | None, list[StoredOutcome]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.decision_id is not None:
            named[outcome.decision_id].append(outcome)
        else:
            by_unit[outcome.unit_id].append(outcome)
    return [
        _join(facts[one.revision], stage, one, [*named.get(one.id, ()), *by_unit.get(one.unit_id, ())])
        for one in decisions
    ]


def _join(facts: RevisionFacts, stage: Stage, one: Matured, outcomes: Sequence[StoredOutcome]) -> Joined:
    remembered = _remember(one.record) if any(name in one.record for name in _TOLD) else PLAIN
    events = [_event(facts, outcome) for outcome in outcomes] if outcomes else []
    exposure = _exposure(facts, stage, one, remembered.costs)
    reward, metrics = facts.plan.join(exposure, events)
    drawn = one.mode != "forced" and 0.0 < one.propensity <= 1.0
    return Joined(one, remembered.segment, reward, metrics, drawn and one.void is None and not remembered.erased)


def _exposure(facts: RevisionFacts, stage: Stage, one: Matured, costs: Mapping[str, float]) -> Exposure:
    window = facts.window if stage.name == MATURED.name else facts.learning_window or facts.window
    return Exposure(
        one.arm,
        costs.get(one.arm),
        one.decided_at,
        one.decided_at + window,
        one.next_at,
        one.matures_at - stage.lead,
        one.void is not None,
    )


def _event(facts: RevisionFacts, outcome: StoredOutcome) -> Event:
    named = outcome.decision_id is not None
    received: int | None = outcome.received_at
    if facts.on_callers_clock:
        received = outcome.received_clock if named else None
    return Event(outcome.source, outcome.event_id, outcome.kind, outcome.value, outcome.occurred_at, received, named)


def early_row(experiment_id: int, joined: Joined, marginal: float | None) -> tuple[object, ...]:
    """Values of EARLY_COLUMNS."""
    one = joined.decision
    return (
        one.id,
        experiment_id,
        one.revision,
        one.variant,
        one.arm,
        one.propensity,
        marginal,
        joined.reward,
        joined.learnable,
    )


def matured_row(experiment_id: int, joined: Joined, marginal: float | None) -> tuple[object, ...]:
    """Values of MATURED_COLUMNS."""
    one = joined.decision
    metrics = _as_json(joined.metrics).decode()
    early = early_row(experiment_id, joined, marginal)
    return (*early, joined.segment, metrics, one.decided_at, one.void is not None)
