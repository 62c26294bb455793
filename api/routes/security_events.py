"""Signs of trouble."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from api.auth import in_time, needs
from api.dependencies import Caller, cold_router
from api.schemas.bodies import answer
from api.schemas.credentials import SecurityEvents
from experiments.services.access.watching import security_events

router = cold_router("credentials")


@router.get("/v1/security-events", response_model=SecurityEvents)
@needs("admin")
async def list_events(call: Caller, limit: Annotated[int, Query(ge=1, le=1000)] = 200) -> Response:
    """Failed sign-ins, lock-outs, refused keys and scopes, keys used from new addresses, rate limits, audit breaks.

    Newest first; one item for each kind, subject and address within an hour, with a count and a next step.
    """
    await in_time(call.service, call.service.watch.store)
    await in_time(call.service, call.service.watch.look)
    return answer({"items": await call.run(security_events, limit)})
