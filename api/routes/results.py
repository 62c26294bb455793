"""What an experiment has earned."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from api.auth import needs
from api.dependencies import Caller, cold_router
from api.schemas.bodies import answer
from api.schemas.results import Readout
from experiments.errors import Fault, InvalidError
from experiments.views.readout import readout

router = cold_router("results")

NOT_YET = ("event_type", "from", "to", "method")
"""Narrowings of the contract that this readout does not compute; ignoring them would answer another question."""


@router.get("/v1/experiments/{key}/results", response_model=Readout)
@needs("read")
async def results(
    call: Caller, key: str, request: Request, segment: Annotated[str | None, Query(max_length=1000)] = None
) -> Response:
    """KPIs with 95 % intervals per variant and arm, over matured decisions, of everyone or of one segment."""
    unknown = [name for name in NOT_YET if name in request.query_params]
    if unknown:
        raise InvalidError([Fault("", f"query parameter {name}: not available in this readout") for name in unknown])
    return answer(await call.run(readout, key, segment))
