"""Outcomes of persons who were erased: what was known of them is a duplicate, what is new is not taken."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from experiments.model.erasing import SOURCE, event_hash
from experiments.services.recording.messages import OutcomeClass
from experiments.services.recording.reading import Report
from experiments.store.recording.outcome_log import seen_before
from experiments.store.units.erasures import erased_decisions, erased_units, key_if_any

Event = tuple[str, str]


def erased_events(connection: Connection, reports: Sequence[Report]) -> Mapping[Event, OutcomeClass]:
    """Those that are not taken, and as what: `duplicate` or `erased`. Nothing is hashed where nobody was erased."""
    key = key_if_any(connection) if reports else None
    if key is None:
        return {}
    hashed = {report.event: (SOURCE, event_hash(key, *report.event)) for report in reports}
    seen = seen_before(connection, hashed.values())
    units = erased_units(connection, (each.unit_id for each in reports if each.unit_id is not None))
    named = {each.decision_id for each in reports if each.decision_id is not None}
    decisions = erased_decisions(connection, named) if named else set[int]()
    found: dict[Event, OutcomeClass] = {}
    for each in reports:
        if hashed[each.event] in seen:
            found[each.event] = "duplicate"
        elif each.decision_id in decisions or (each.unit_id in units and units[each.unit_id].covers(each.occurred_at)):
            found[each.event] = "erased"
    return found
