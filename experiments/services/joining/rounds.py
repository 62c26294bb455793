"""Decisions and outcomes → rounds, without a database: what the joiner computes before it takes the write lock."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from experiments.metrics import Event, Exposure
from experiments.model.deciding.drawn import DrawEvidence
from experiments.model.times import SECOND
from experiments.store.designing.revisions import RevisionFacts
from experiments.store.joining.matured import MATURED, Matured, Stage, StoredOutcome

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


class Remembered(DrawEvidence):
    """The part of a record that joins and the sums of readouts need, read once."""

    segment: str = ""
    costs: dict[str, float] = msgspec.field(default_factory=dict)


class Joined(NamedTuple):
    """A decision with what it earned; `lags` are the seconds from occurrence to receipt of the outcomes that count."""

    decision: Matured
    proof: DrawEvidence
    segment: str
    reward: float
    metrics: dict[str, float]
    learnable: bool
    lags: tuple[int, ...] = ()


IN_TIME = -1
"""The lag of an outcome that counts whenever it comes: one of a unit, on the caller's clock."""

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
    remembered = _remember(one.record)
    events = [_event(facts, outcome) for outcome in outcomes] if outcomes else []
    exposure = _exposure(facts, stage, one, remembered.costs)
    reward, metrics = facts.plan.join(exposure, events)
    drawn = one.mode != "forced" and 0.0 < one.propensity <= 1.0
    learnable = drawn and one.void is None and not remembered.erased
    lags = _lags(exposure, events) if events else ()
    return Joined(one, remembered, remembered.segment, reward, metrics, learnable, lags)


def _lags(exposure: Exposure, events: Sequence[Event]) -> tuple[int, ...]:
    """Of outcomes that fall to this decision, whether or not they came in time."""
    until = exposure.closes_at if exposure.next_at is None else min(exposure.next_at, exposure.closes_at)
    return tuple(
        [
            IN_TIME if event.received is None else max(event.received - event.occurred_at, 0) // SECOND
            for event in events
            if exposure.decided_at <= event.occurred_at < (exposure.closes_at if event.named else until)
        ]
    )


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
