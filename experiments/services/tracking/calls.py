"""Segment's calls as its own spec has them, read one by one: who, when, what."""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec

from experiments.errors import Fault
from experiments.model.units import unit_id_faults
from experiments.model.zones import TIME_ZONE, zone_fault

CALLS = ("identify", "track", "page", "screen", "group", "alias")
SILENT = ("group", "alias")
"""Accepted and without effect: they speak of companies and of renamed users, which nothing here is kept by."""

MOST_CALL_BYTES = 32 * 1024
MOST_BATCH_BYTES = 500 * 1024
_MOST_EVENT_ID = 400
"""Leaves room for the kind behind it."""

# Segment's own examples write months without their zero, which no RFC 3339 reader takes.
_MOMENT = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s*(Z|[+-]\d{2}:?\d{2})?",
    re.IGNORECASE,
)
_sorted = msgspec.json.Encoder(order="deterministic").encode


class TrackingCall(NamedTuple):
    """One call. `unit_id` is the userId, else the anonymousId; `values` are its traits or properties."""

    type: str
    unit_id: str
    event: str
    event_id: str
    occurred_at: datetime
    values: Mapping[str, Any]


def read_call(found: object, kind: str | None, sent_at: object, received_at: datetime) -> TrackingCall | Fault:
    """A call of type `kind` (None: it says so itself), or the first thing that is wrong with it.

    `sent_at` is the batch's own, where the call has none.
    """
    if not isinstance(found, dict):
        return Fault("", "must be an object")
    call = found.get("type") if kind is None else kind
    if call not in CALLS:
        return Fault("/type", f"must be one of {', '.join(CALLS)}")
    unit_id = _identifier(found)
    if unit_id is None or unit_id_faults(unit_id):
        return Fault("/userId", "give a userId or an anonymousId of 1 to 512 characters")
    event = found.get("event") if call == "track" else found.get("name")
    if call == "track" and not (isinstance(event, str) and event.strip()):
        return Fault("/event", "a track call names its event")
    values = found.get("traits" if call in ("identify", "group") else "properties")
    if call == "identify" and isinstance(values, dict) and (detail := _zone_fault(values)):
        return Fault(f"/traits/{TIME_ZONE}", detail)
    when = _occurred_at(found, sent_at, received_at)
    return TrackingCall(
        str(call),
        unit_id,
        event if isinstance(event, str) else "",
        _event_id(found, str(call)),
        when,
        values if isinstance(values, dict) else {},
    )


def _zone_fault(traits: Mapping[str, Any]) -> str | None:
    """Quiet hours go by this trait: left out like others that no profile holds, it would wake people up."""
    zone = traits.get(TIME_ZONE)
    return zone_fault(zone) if isinstance(zone, str | int | float) else None


def as_moment(value: object) -> datetime | None:
    """An ISO 8601 instant, however loosely written (no offset: UTC); None where it is none."""
    match = _MOMENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=UTC
        )
        return moment + timedelta(microseconds=int((fraction or "0")[:6].ljust(6, "0"))) - _offset(offset)
    except (ValueError, OverflowError):
        return None


def _offset(written: str | None) -> timedelta:
    if written is None or written in "Zz":
        return timedelta(0)
    length = timedelta(hours=int(written[1:3]), minutes=int(written[-2:]))
    return -length if written[0] == "-" else length


def _occurred_at(found: Mapping[str, Any], batch_sent_at: object, received_at: datetime) -> datetime:
    """`receivedAt - (sentAt - originalTimestamp)`: the sender's clock may be wrong, the time that passed on it is not.

    A `timestamp` beside an `originalTimestamp` or a `receivedAt` has been corrected already, by whoever forwards it.
    """
    stamp, original = as_moment(found.get("timestamp")), as_moment(found.get("originalTimestamp"))
    if stamp is not None and (original is not None or "receivedAt" in found):
        return stamp
    original = original or stamp
    sent = as_moment(found.get("sentAt")) or as_moment(batch_sent_at)
    if original is None:
        return received_at
    if sent is None:
        return original
    try:
        return received_at - (sent - original)
    except OverflowError:
        return received_at


def _identifier(found: Mapping[str, Any]) -> str | None:
    for name in ("userId", "anonymousId"):
        value = found.get(name)
        if isinstance(value, int) and not isinstance(value, bool):  # database ids are often sent as numbers
            return str(value)
        if isinstance(value, str) and value:
            return value
    return None


def _event_id(found: Mapping[str, Any], call: str) -> str:
    """The messageId; without one a digest of what a retry would repeat, or, where nothing dates the call, chance."""
    given = found.get("messageId")
    if isinstance(given, str) and 0 < len(given) <= _MOST_EVENT_ID:
        return given
    if as_moment(found.get("timestamp")) is None and as_moment(found.get("originalTimestamp")) is None:
        return f"none-{uuid4().hex}"
    same = {name: value for name, value in found.items() if name not in ("sentAt", "writeKey", "messageId", "context")}
    return f"sha-{hashlib.sha256(_sorted([call, given, same])).hexdigest()}"
