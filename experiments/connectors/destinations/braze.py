"""Braze: custom events through `/users/track`, 75 in a request, by external_id."""

from typing import Any

from experiments.connectors.destinations.payloads import (
    DestinationKind,
    Payload,
    Refusals,
    bearer,
    event_properties,
    listed,
)
from experiments.model.times import to_rfc3339


def body(payload: Payload) -> dict[str, Any]:
    """One event for each row."""
    return {
        "events": [
            {
                "external_id": row.unit_id,
                "name": BRAZE.option(payload, "event_name"),
                "time": to_rfc3339(payload.at),
                "properties": event_properties(row),
            }
            for row in payload.rows
        ]
    }


def refused(answer: Any, payload: Payload) -> Refusals:
    """Non-fatal errors name the place in the array of events."""
    return {
        each["index"]: str(each.get("type", "refused"))
        for each in listed(answer, "errors")
        if isinstance(each, dict)
        and each.get("input_array", "events") == "events"
        and isinstance(each.get("index"), int)
        and 0 <= each["index"] < len(payload.rows)
    }


BRAZE = DestinationKind("/users/track", 75, body, refused, bearer, {"event_name": "winback_assignment"})
