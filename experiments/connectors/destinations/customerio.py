"""Customer.io: events of people through the Track API's `/api/v2/batch` (requests below 500 KB)."""

from typing import Any

from experiments.connectors.destinations.parcels import (
    DestinationKind,
    Parcel,
    Refusals,
    basic,
    event_properties,
    listed,
)
from experiments.model.times import SECOND


def body(parcel: Parcel) -> dict[str, Any]:
    """One event for each row."""
    return {
        "batch": [
            {
                "type": "person",
                "action": "event",
                "identifiers": {CUSTOMERIO.option(parcel, "identifier"): row.unit_id},
                "name": CUSTOMERIO.option(parcel, "event_name"),
                "timestamp": parcel.at // SECOND,
                "attributes": event_properties(row),
            }
            for row in parcel.rows
        ]
    }


def refused(answer: Any, parcel: Parcel) -> Refusals:
    """A 207 names places in the batch."""
    return {
        each["batch_index"]: str(each.get("message") or each.get("reason") or "refused")
        for each in listed(answer, "errors")
        if isinstance(each, dict)
        and isinstance(each.get("batch_index"), int)
        and 0 <= each["batch_index"] < len(parcel.rows)
    }


CUSTOMERIO = DestinationKind(
    "/api/v2/batch", 100, body, refused, basic, {"event_name": "winback_assignment", "identifier": "id"}
)
"""The credential is `site_id:api_key`."""
