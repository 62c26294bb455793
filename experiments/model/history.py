"""The history of units: which kinds of events are kept, and their columns as Parquet holds them.

`event_key` tells one event from another within a kind; `occurred_at` is in microseconds since 1970, UTC.
"""

import pyarrow as pa

_EVENT = [
    pa.field("event_key", pa.uint64(), nullable=False),
    pa.field("unit_id", pa.string(), nullable=False),
    pa.field("occurred_at", pa.int64(), nullable=False),
]

HISTORY: dict[str, pa.Schema] = {
    "activity": pa.schema([*_EVENT, pa.field("kind", pa.string()), pa.field("value", pa.float64())]),
    "payments": pa.schema(
        [*_EVENT, pa.field("amount", pa.float64(), nullable=False), pa.field("quantity", pa.float64())]
    ),
    "participation": pa.schema(
        [
            *_EVENT,
            pa.field("event_type", pa.string()),
            pa.field("reward_kind", pa.string()),
            pa.field("reward_amount", pa.float64()),
            pa.field("responded", pa.bool_()),
            pa.field("redeemed", pa.bool_()),
        ]
    ),
    "contacts": pa.schema(
        [
            *_EVENT,
            pa.field("event_type", pa.string()),
            pa.field("reward_amount", pa.float64()),
        ]
    ),
    "responses": pa.schema(
        [
            *_EVENT,
            pa.field("event_type", pa.string()),
            pa.field("reward_amount", pa.float64()),
            pa.field("responded", pa.bool_(), nullable=False),
        ]
    ),
    "voids": pa.schema(_EVENT),
}
"""The last three are the service's own: decisions with an arm other than `nothing`; what became of those that matured,
as of that instant; and contacts of this `event_key` that were none, as of the instant when they were voided. The others
are imported."""

IMPORTED = ("activity", "payments", "participation")
