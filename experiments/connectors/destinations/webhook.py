"""Anything that takes signed webhooks (Standard Webhooks)."""

from typing import Any

from experiments.connectors.destinations.parcels import DestinationKind, Parcel, Refusals, listed
from experiments.model.times import to_rfc3339


def body(parcel: Parcel) -> dict[str, Any]:
    """`{type, timestamp, data: {delivery, batch, experiment, assignments}}`."""
    return {
        "type": parcel.options.get("event_name", WEBHOOK.options["event_name"]),
        "timestamp": to_rfc3339(parcel.at),
        "data": {
            "delivery": parcel.delivery,
            "batch": parcel.number,
            "experiment": parcel.experiment,
            "assignments": [row.as_json() for row in parcel.rows],
        },
    }


def refused(answer: Any, parcel: Parcel) -> Refusals:
    """A receiver may name rows that it did not take: `{"refused": [{"decision_id", "reason"}]}`."""
    named = {
        each["decision_id"]: str(each.get("reason", "refused"))
        for each in listed(answer, "refused")
        if isinstance(each, dict) and isinstance(each.get("decision_id"), str)
    }
    return {place: named[row.decision_id] for place, row in enumerate(parcel.rows) if row.decision_id in named}


WEBHOOK = DestinationKind("", 1000, body, refused, None, {"event_name": "winback.assignments"})
