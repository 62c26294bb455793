"""Segment's tracking calls taken in: identify into profiles, what units did into outcomes."""

import math
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import Engine

from experiments.model.access.principal import Principal
from experiments.model.checks.shape import value_faults
from experiments.model.ids import decision_number
from experiments.model.tracking import Rule, Table
from experiments.model.units import MAX_FEATURES, MAX_NAME, MAX_TEXT
from experiments.services.profiling import MOST_AT_ONCE, store_good_profiles
from experiments.services.recording.messages import Outcome
from experiments.services.recording.reading import MOST_PROPERTIES
from experiments.services.tracking.calls import TrackingCall

SOURCE = "segment"
_encode = msgspec.json.Encoder().encode


def identify_units(engine: Engine, principal: Principal, calls: Sequence[TrackingCall]) -> None:
    """Merge traits into profiles, in order: later ones win, null takes one out, what a call does not name stays.

    What no profile can hold (lists, texts and names that are too long) is left out; objects become `name.inner`.
    Raises ForbiddenError without the scope `outcomes`, UnavailableError.
    """
    wanted: dict[str, dict[str, Any]] = {}
    for call in calls:
        wanted.setdefault(call.unit_id, {}).update(_features(call.values))
    profiles = [(unit_id, dict(islice(traits.items(), MAX_FEATURES))) for unit_id, traits in wanted.items()]
    for start in range(0, len(profiles), MOST_AT_ONCE):
        store_good_profiles(engine, principal, profiles[start : start + MOST_AT_ONCE], merge=True)


def outcomes_of(table: Table, call: TrackingCall) -> list[Outcome]:
    """The outcomes that a call becomes; the first has the call's messageId, further ones their kind behind it."""
    outcomes: list[Outcome] = []
    for rule in table.rules(call.type, call.event):
        value = _value(rule, call.values)
        if rule.value and value is None:
            continue
        event_id = call.event_id if not outcomes else f"{call.event_id}/{rule.kind}"
        outcomes.append(_outcome(call, rule, event_id, value))
    return outcomes


def _outcome(call: TrackingCall, rule: Rule, event_id: str, value: float | None) -> Outcome:
    named = call.values.get("decision_id")
    return Outcome(
        event_id=event_id,
        kind=rule.kind,
        occurred_at=call.occurred_at,
        source=SOURCE,
        decision_id=named if _is_decision(named) else None,
        unit_id=call.unit_id,
        value=value,
        properties=_properties(call),
    )


def _is_decision(named: object) -> bool:
    try:
        decision_number(str(named))
    except ValueError:
        return False
    return True


def _value(rule: Rule, values: Mapping[str, Any]) -> float | None:
    for name in rule.value:
        found = values.get(name)
        if isinstance(found, str):  # numbers in texts are the commonest slip of senders
            found = _number(found)
        if isinstance(found, int | float) and not isinstance(found, bool) and abs(found) < 1e300:
            return float(found)
    return None


def _number(written: str) -> float | None:
    try:
        number = float(written)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _properties(call: TrackingCall) -> dict[str, Any]:
    """What is kept beside the kind; properties beyond the limit of outcomes are left out, the event is not."""
    kept = {"event": call.event[:MAX_TEXT], "properties": dict(call.values)}
    if len(_encode(kept)) > MOST_PROPERTIES or value_faults(kept):
        return {"event": call.event[:100].replace("\0", "")}
    return kept


def _features(traits: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in traits.items():
        if isinstance(value, dict) and not prefix:
            found |= _features(value, f"{name}.")
        elif _is_feature(prefix + name, value):
            found[prefix + name] = value
    return found


def _is_feature(name: str, value: object) -> bool:
    if not 1 <= len(name) <= MAX_NAME or value_faults({name: value}):
        return False
    if isinstance(value, str):
        return len(value) <= MAX_TEXT
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return value is None or (isinstance(value, float) and math.isfinite(value))
