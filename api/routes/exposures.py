"""Who was really shown what, and the reports of clients that were left without an answer."""

import msgspec
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Scope

from api.auth import in_time, needs
from api.dependencies import Caller, cold_router
from api.hot import HotEndpoint
from api.openapi import Operation, described
from api.schemas.bodies import answer
from api.schemas.deliveries import ExposuresDocument, FallbackReceipt, Fallbacks
from api.schemas.rows import read_rows, rows_of
from experiments.errors import Fault, InvalidError
from experiments.model.access.principal import Principal
from experiments.services.delivering.fallbacks import FallbackReport, record_fallbacks
from experiments.services.opening import Service
from experiments.views.trust import exposures as views

router = cold_router("exposures")
_report = msgspec.json.Decoder(FallbackReport)
_encode = msgspec.json.Encoder().encode


@described(Operation("Report exposures without a decision", FallbackReceipt, Fallbacks, tag="exposures"))
@needs("assign")
class ReportFallbacks(HotEndpoint):
    """Units that were shown the control because the service gave no answer: kept apart from decisions.

    Where the call that failed had made a decision after all (`idempotency_key`), nobody saw it, and it is voided.
    """

    async def answer(self, service: Service, principal: Principal, _: Scope, body: bytes) -> bytes:
        """See HotEndpoint."""
        rows = rows_of(body, "exposures")
        if rows is None:
            raise InvalidError([Fault("", 'must be a list of reports, or {"exposures": [...]}')])
        read = read_rows(_report, rows)
        return _encode({"results": await in_time(service, lambda: record_fallbacks(service.engine, principal, read))})


routes = [Route("/v1/exposures/fallback", ReportFallbacks(), methods=["POST"], name="report_fallbacks")]


@router.get("/v1/experiments/{key}/exposures", response_model=ExposuresDocument)
@needs("read")
async def show(call: Caller, key: str) -> Response:
    """Assigned, pushed and delivered by arm; exposures without a decision, and what they touch."""
    return answer(await call.run(views.exposures, key))
