"""What can be imported: kinds, their fields, and under which names other systems export them."""

from typing import Literal, NamedTuple

Reading = Literal["text", "time", "number", "truth"]


class Field(NamedTuple):
    """One field of a kind: how its values are read, whether a row without it is rejected, its usual names elsewhere."""

    reading: Reading
    required: bool = False
    aliases: tuple[str, ...] = ()


_UNIT = Field("text", True, ("user_id", "userid", "customer_id", "customerid", "customer", "member_id", "user"))
_TIME = Field("time", True, ("timestamp", "time", "at", "date", "datetime", "created_at", "event_time", "ts"))
_EVENT = Field("text", False, ("event_key", "uuid", "message_id", "transaction_id", "order_id"))

KINDS: dict[str, dict[str, Field]] = {
    "activity": {
        "unit_id": _UNIT,
        "occurred_at": _TIME,
        "kind": Field("text", False, ("event", "type", "event_name", "name")),
        "value": Field("number"),
        "event_id": _EVENT,
    },
    "payments": {
        "unit_id": _UNIT,
        "occurred_at": _TIME,
        "amount": Field("number", True, ("value", "total", "price", "dollars", "revenue")),
        "quantity": Field("number", False, ("units", "qty", "items")),
        "event_id": _EVENT,
    },
    "participation": {
        "unit_id": _UNIT,
        "occurred_at": _TIME,
        "event_type": Field("text", False, ("event", "type", "campaign", "offer_type")),
        "reward_kind": Field("text"),
        "reward_amount": Field("number", False, ("reward",)),
        "responded": Field("truth", False, ("participated", "accepted", "completed", "response")),
        "redeemed": Field("truth"),
        "event_id": _EVENT,
    },
    "outcomes": {
        "event_id": _EVENT._replace(required=True),
        "unit_id": _UNIT._replace(required=False),
        "decision_id": Field("text"),
        "kind": Field("text", True, ("event", "type", "event_name", "name")),
        "value": Field("number", False, ("amount", "revenue")),
        "occurred_at": _TIME,
        "source": Field("text"),
    },
    "units": {"unit_id": _UNIT._replace(aliases=(*_UNIT.aliases, "id"))},
}
"""Columns of `units` beyond the id are features of the profile under their own names."""
