"""Mautic: fields of contacts through `/api/contacts/batch/new`, which updates where the identifier is known."""

import json
from typing import Any

from experiments.connectors.destinations.payloads import DestinationKind, Payload, Refusals, basic, listed


def body(payload: Payload) -> list[dict[str, Any]]:
    """One contact for each row. The custom fields `winback_…` must exist there."""
    return [
        {
            MAUTIC.option(payload, "identifier"): row.unit_id,
            "winback_experiment": row.experiment,
            "winback_arm": row.arm,
            "winback_event_type": row.event_type,
            "winback_reward_kind": row.reward_kind,
            "winback_reward_amount": row.reward_amount,
            "winback_decision_id": row.decision_id,
            "winback_payload": json.dumps(row.payload, sort_keys=True),
        }
        for row in payload.rows
    ]


def refused(answer: Any, payload: Payload) -> Refusals:
    """A status for each contact, in order."""
    statuses = listed(answer, "statusCodes")[: len(payload.rows)]
    return {
        place: f"status {status}" for place, status in enumerate(statuses) if isinstance(status, int) and status >= 400
    }


MAUTIC = DestinationKind("/api/contacts/batch/new", 200, body, refused, basic, {"identifier": "email"})
"""The credential is `user:password`."""
