"""What an experiment has earned."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from api.auth import needs
from api.dependencies import Caller, cold_router
from api.schemas.bodies import answer
from api.schemas.results import Readout, ReadoutQuery
from api.schemas.trends import Trend
from experiments.views.readout import asked, readout
from experiments.views.trends import trend

router = cold_router("results")


@router.get("/v1/experiments/{key}/results", response_model=Readout)
@needs("read")
async def results(call: Caller, key: str, wanted: Annotated[ReadoutQuery, Query()]) -> Response:
    """The readout over matured decisions: verdict and checks first, then lifts, parts and money.

    Of everyone, of one segment, of one event type, or of the decisions made in a part of the time.
    """
    return answer(await call.report(readout, key, asked(wanted.model_dump(by_alias=True))))


@router.get("/v1/experiments/{key}/trends", response_model=Trend)
@needs("read")
async def trends(call: Caller, key: str, by: str = "day", segment: str | None = None) -> Response:
    """Matured decisions and metric totals by day (or hour) of the decision, for every variant and arm."""
    return answer(await call.report(trend, key, by, segment))
