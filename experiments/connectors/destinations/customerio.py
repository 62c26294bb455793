"""Customer.io: events of people through the Track API's `/api/v2/batch` (requests below 500 KB)."""

from typing import Any

from experiments.connectors.destinations.payloads import (
    DestinationKind,
    Payload,
    Refusals,
    basic,
    event_properties,
    listed,
)
from experiments.model.times import SECOND


def body(payload: Payload) -> dict[str, Any]:
    """One event for each row."""
    return {
        "batch": [
            {
                "type": "person",
                "action": "event",
                "identifiers": {CUSTOMERIO.option(payload, "identifier"): row.unit_id},
                "name": CUSTOMERIO.option(payload, "event_name"),
                "timestamp": payload.at // SECOND,
                "attributes": event_properties(row),
            }
            for row in payload.rows
        ]
    }


def refused(answer: Any, payload: Payload) -> Refusals:
    """A 207 names places in the batch."""
    return {
        each["batch_index"]: str(each.get("message") or each.get("reason") or "refused")
        for each in listed(answer, "errors")
        if isinstance(each, dict)
        and isinstance(each.get("batch_index"), int)
        and 0 <= each["batch_index"] < len(payload.rows)
    }


CUSTOMERIO = DestinationKind(
    "/api/v2/batch", 100, body, refused, basic, {"event_name": "winback_assignment", "identifier": "id"}
)
"""The credential is `site_id:api_key`."""
