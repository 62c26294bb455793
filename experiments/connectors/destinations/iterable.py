"""Iterable: custom events through `/api/events/trackBulk`, by userId or email."""

from typing import Any

from experiments.connectors.destinations.payloads import DestinationKind, Payload, Refusals, event_properties, listed
from experiments.model.times import SECOND

_LISTS = ("invalidEmails", "invalidUserIds", "notFoundEmails", "notFoundUserIds", "forgottenEmails", "forgottenUserIds")


def body(payload: Payload) -> dict[str, Any]:
    """One event for each row; the decision is its id, so that a second push changes nothing there."""
    return {
        "events": [
            {
                ITERABLE.option(payload, "identifier"): row.unit_id,
                "id": row.decision_id,
                "eventName": ITERABLE.option(payload, "event_name"),
                "createdAt": payload.at // SECOND,
                "dataFields": event_properties(row),
            }
            for row in payload.rows
        ]
    }


def refused(answer: Any, payload: Payload) -> Refusals:
    """Units that are named as invalid, unknown or forgotten; every row where the event's name is not allowed."""
    if listed(answer, "disallowedEventNames"):
        return dict.fromkeys(range(len(payload.rows)), "disallowedEventNames")
    updates = answer.get("failedUpdates") if isinstance(answer, dict) else None
    why = {
        unit: name
        for part in (answer, updates)
        for name in _LISTS
        for unit in listed(part, name)
        if isinstance(unit, str)
    }
    return {place: why[row.unit_id] for place, row in enumerate(payload.rows) if row.unit_id in why}


def credential(secret: str) -> dict[str, str]:
    """`Api-Key: …`."""
    return {"api-key": secret}


ITERABLE = DestinationKind(
    "/api/events/trackBulk",
    500,
    body,
    refused,
    credential,
    {"event_name": "winback_assignment", "identifier": "userId"},
)
