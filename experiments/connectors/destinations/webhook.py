"""Anything that takes signed webhooks (Standard Webhooks)."""

from typing import Any

from experiments.connectors.destinations.payloads import DestinationKind, Payload, Refusals, listed
from experiments.model.times import to_rfc3339


def body(payload: Payload) -> dict[str, Any]:
    """`{type, timestamp, data: {delivery, batch, experiment, assignments}}`."""
    return {
        "type": payload.options.get("event_name", WEBHOOK.options["event_name"]),
        "timestamp": to_rfc3339(payload.at),
        "data": {
            "delivery": payload.delivery,
            "batch": payload.number,
            "experiment": payload.experiment,
            "assignments": [row.as_json() for row in payload.rows],
        },
    }


def refused(answer: Any, payload: Payload) -> Refusals:
    """A receiver may name rows that it did not take: `{"refused": [{"decision_id", "reason"}]}`."""
    named = {
        each["decision_id"]: str(each.get("reason", "refused"))
        for each in listed(answer, "refused")
        if isinstance(each, dict) and isinstance(each.get("decision_id"), str)
    }
    return {place: named[row.decision_id] for place, row in enumerate(payload.rows) if row.decision_id in named}


WEBHOOK = DestinationKind("", 1000, body, refused, None, {"event_name": "winback.assignments"})
