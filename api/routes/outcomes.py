"""What units did after their decisions."""

from typing import get_args

import msgspec
from starlette.routing import Route
from starlette.types import Scope

from api.auth import needs
from api.hot import HotEndpoint
from api.openapi import Operation, described
from api.routes.metrics import OUTCOMES
from api.schemas.rows import read_rows, rows_of
from experiments.model.access.principal import Principal
from experiments.services.opening import Service
from experiments.services.recording.messages import Outcome, OutcomeClass, Receipt

_outcome = msgspec.json.Decoder(Outcome)
_encode = msgspec.json.Encoder().encode
_counted = {name: OUTCOMES.labels(name) for name in get_args(OutcomeClass)}


@described(Operation("Report one outcome, or up to 1,000", Receipt, Outcome | list[Outcome], tag="outcomes"))
@needs("outcomes")
class Report(HotEndpoint):
    """Keep outcomes: one, a list, or `{"outcomes": [...]}`. Each is answered by its class, in order.

    `accepted`, `duplicate`, `pending` (names a decision not seen yet), `unattributed` (a unit without an open
    decision), `late` (after the window and its grace; kept, never counted). Not kept are `erased` (of a person who was
    erased) and `rejected` (malformed).
    """

    async def answer(self, service: Service, principal: Principal, _: Scope, body: bytes) -> bytes:
        """See HotEndpoint."""
        rows = _rows(body)
        service.gate.charge(principal, len(rows) - 1)
        results = await service.hot.recorder.record(principal, read_rows(_outcome, rows))
        for result, row in zip(results, rows, strict=True):
            _counted[result.outcome_class].inc()
            if result.event_id is None:
                result.event_id = _event_id(row)
        return _encode(Receipt(results))


routes = [Route("/v1/outcomes", Report(), methods=["POST"], name="report_outcomes")]


def _rows(body: bytes) -> list[msgspec.Raw]:
    rows = rows_of(body, "outcomes")
    if rows is not None:
        return rows
    return [msgspec.Raw(body)]


def _event_id(row: msgspec.Raw) -> str | None:
    """What a rejected outcome calls itself, so that its sender can find it."""
    try:
        found = msgspec.json.decode(row)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    named = found.get("event_id") if isinstance(found, dict) else None
    return named[:512] if isinstance(named, str) else None
