"""What the objective may come to when all that is open has matured: marked as such, and no verdict rests on it."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection

from experiments.metrics import Event, Exposure, MetricPlan, attributed
from experiments.model.designing.definition import Definition
from experiments.model.tables.core import Experiment
from experiments.model.times import duration_micros
from experiments.store.joining.first_events import latest_decisions
from experiments.store.joining.matured import MATURED, Matured, StoredOutcome, cursor_of, outcomes_of
from offline_eval.ab.delay import Delays, early_view

Document = dict[str, Any]

NO_RATE = "an early view is of a rate: the objective is no 0/1 metric"


def early_documents(connection: Connection, row: Experiment, definition: Definition, as_of: int | None) -> Document:
    """Variant → its early view, from the latest decisions, open ones among them (a sample where they are many)."""
    plan, number = MetricPlan(definition), int(row.id or 0)
    metric = plan.events.get(definition.objective.maximise)
    if metric is None or metric.aggregate != "any" or as_of is None:
        return {"note": NO_RATE, "variants": {}}
    window = duration_micros(definition.attribution_window)
    reached = max(cursor_of(connection, number, MATURED).through, 0)
    decisions = latest_decisions(connection, number, reached - window)
    events = _events(connection, decisions)
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for one in decisions:
        exposure = Exposure(one.arm, None, one.decided_at, one.decided_at + window, one.next_at, one.matures_at)
        kept = [event for event in attributed(exposure, events[one.id]) if event.kind in metric.kinds]
        first = min((event.occurred_at - one.decided_at for event in kept), default=np.nan)
        found[one.variant].append((max(float(as_of - one.decided_at), 0.0 if np.isnan(first) else first), first))
    span = float(metric.within or window)
    return {
        "note": "",
        "variants": {key: early_view(_delays(pairs, span)).as_dict() for key, pairs in sorted(found.items())},
    }


def _delays(pairs: Sequence[tuple[float, float]], span: float) -> Delays:
    ages, firsts = np.array(pairs).T
    return Delays.of(ages, firsts, span)


def _events(connection: Connection, decisions: Sequence[Matured]) -> dict[int, list[Event]]:
    """Decision → the outcomes that name it or its unit."""
    events: dict[int, list[Event]] = defaultdict(list)
    if not decisions:
        return events
    by_unit: dict[str, list[int]] = defaultdict(list)
    for one in decisions:
        by_unit[one.unit_id].append(one.id)
    for outcome in outcomes_of(connection, decisions):
        named = outcome.decision_id is not None
        for number in [outcome.decision_id] if named else by_unit.get(outcome.unit_id or "", []):
            events[int(number or 0)].append(_event(outcome, named))
    return events


def _event(outcome: StoredOutcome, named: bool) -> Event:
    return Event(outcome.source, outcome.event_id, outcome.kind, outcome.value, outcome.occurred_at, None, named)
