"""Segment's HTTP tracking calls: what its clients send, answered as Segment answers."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from api.auth import in_time, needs
from api.credentials import basic_user, header_of, key_in_body, read_before, read_whole, with_bearer
from api.dependencies import Caller, cold_router
from api.hot import HotEndpoint
from api.openapi import Operation, described
from api.routes.metrics import OUTCOMES
from api.schemas.bodies import answer
from api.schemas.tracking import Tracked, TrackingBatchBody, TrackingCallBody, TrackingDocument
from experiments.errors import Fault
from experiments.model.access.principal import Principal
from experiments.model.tracking import Table
from experiments.services.opening import Service
from experiments.services.tracking.calls import MOST_BATCH_BYTES, MOST_CALL_BYTES, TrackingCall, read_call
from experiments.services.tracking.receiving import identify_units, outcomes_of
from experiments.services.tracking.settings import set_tracking
from experiments.views import tracking as views

_SUCCESS = b'{"success":true}'
_MOST_AT_ONCE = 1000
_rejected = OUTCOMES.labels("rejected")
_batch = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_rows = msgspec.json.Decoder(list[msgspec.Raw]).decode


class TrackingEndpoint(HotEndpoint):
    """Takes the key from where Segment's clients put it: Bearer, Basic user name, or `writeKey` in the body."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        header = header_of(scope, b"authorization")
        key = basic_user(header)
        if header is None:
            body = await read_whole(receive)
            key, receive = key_in_body(body), read_before(body)
        await super().__call__(scope if key is None else with_bearer(scope, key), receive, send)


@described(Operation("Track one call of Segment's", Tracked, TrackingCallBody, tag="tracking"))
@needs("outcomes")
class Track(TrackingEndpoint):
    """What a unit did becomes outcomes by the mapping table (`/v1/settings/tracking`); unique by its messageId.

    `page` and `screen` become sessions; `group` and `alias` are accepted and have no effect.
    """

    async def answer(self, service: Service, principal: Principal, scope: Scope, body: bytes) -> bytes:
        """See HotEndpoint."""
        return await _take_in(service, principal, [_one(scope, body)])


@described(Operation("Identify a unit", Tracked, TrackingCallBody, tag="tracking"))
@needs("outcomes")
class Identify(Track):
    """Merge traits into the unit's profile."""


@described(Operation("Track many calls of Segment's", Tracked, TrackingBatchBody, tag="tracking"))
@needs("outcomes")
class Batch(TrackingEndpoint):
    """Calls of any type in order. One that makes no sense is left out, and counted in `winback_outcomes_total`."""

    async def answer(self, service: Service, principal: Principal, _: Scope, body: bytes) -> bytes:
        """See HotEndpoint."""
        calls = _many(body)
        service.gate.charge(principal, len(calls) - 1)
        return await _take_in(service, principal, calls)


routes = [
    Route("/v1/identify", Identify(), methods=["POST"], name="segment_identify"),
    *(
        Route(f"/v1/{call}", Track(), methods=["POST"], name=f"segment_{call}")
        for call in ("track", "page", "screen", "group", "alias")
    ),
    Route("/v1/batch", Batch(), methods=["POST"], name="segment_batch"),
]

router = cold_router("settings")


@router.get("/v1/settings/tracking", response_model=TrackingDocument)
@needs("read")
async def show_tracking(call: Caller) -> Response:
    """Which outcomes Segment's calls become."""
    return answer(await call.run(views.tracking))


@router.put("/v1/settings/tracking", response_model=TrackingDocument)
@needs("admin")
async def set_table(call: Caller, wish: TrackingDocument) -> Response:
    """Replace that table; other processes follow within two seconds."""
    await call.run(set_tracking, wish.model_dump())
    call.service.hot.tracking.forget()
    return answer(await call.shown(views.tracking))


def _one(scope: Scope, body: bytes) -> TrackingCall:
    if len(body) > MOST_CALL_BYTES:
        raise HTTPException(400, f"a call has at most {MOST_CALL_BYTES:,} bytes; this one {len(body):,}")
    call = read_call(msgspec.json.decode(body), scope["path"].rsplit("/", 1)[-1], None, datetime.now(UTC))
    if isinstance(call, Fault):
        raise HTTPException(400, f"{call.pointer or '/'}: {call.detail}")
    return call


def _many(body: bytes) -> list[TrackingCall]:
    if len(body) > MOST_BATCH_BYTES:
        raise HTTPException(400, f"a batch has at most {MOST_BATCH_BYTES:,} bytes; this one {len(body):,}")
    members, received_at = _members(body), datetime.now(UTC)
    sent_at = msgspec.json.decode(members["sentAt"]) if "sentAt" in members else None
    read = [_read_row(row, sent_at, received_at) for row in _calls(members)]
    good = [each for each in read if isinstance(each, TrackingCall)]
    _rejected.inc(len(read) - len(good))
    return good


async def _take_in(service: Service, principal: Principal, calls: list[TrackingCall]) -> bytes:
    identified = [call for call in calls if call.type == "identify"]
    if identified:
        await in_time(service, partial(identify_units, service.engine, principal, identified))
    did = [call for call in calls if call.type in ("track", "page", "screen")]
    if not did:
        return _SUCCESS
    table = await _table(service)
    outcomes = [outcome for call in did for outcome in outcomes_of(table, call)]
    for start in range(0, len(outcomes), _MOST_AT_ONCE):
        for result in await service.hot.recorder.record(principal, outcomes[start : start + _MOST_AT_ONCE]):
            OUTCOMES.labels(result.outcome_class).inc()
    return _SUCCESS


async def _table(service: Service) -> Table:
    tracking = service.hot.tracking
    found = tracking.fresh()
    return await in_time(service, tracking.table) if found is None else found


def _members(body: bytes) -> dict[str, msgspec.Raw]:
    try:
        return _batch(body)
    except msgspec.ValidationError as error:
        raise HTTPException(400, f"the body is not a batch: {error}") from error


def _calls(members: dict[str, msgspec.Raw]) -> list[msgspec.Raw]:
    try:
        return _rows(members.get("batch", msgspec.Raw(b"null")))
    except msgspec.ValidationError as error:
        raise HTTPException(400, "/batch: must be a list of calls") from error


def _read_row(row: msgspec.Raw, sent_at: Any, received_at: datetime) -> TrackingCall | Fault:
    if len(bytes(row)) > MOST_CALL_BYTES:
        return Fault("", f"a call has at most {MOST_CALL_BYTES:,} bytes")
    return read_call(msgspec.json.decode(row), None, sent_at, received_at)
