"""What all campaigns earn together."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import AwareDatetime
from starlette.responses import Response

from api.auth import needs
from api.dependencies import Caller, cold_router
from api.schemas.bodies import answer
from api.schemas.portfolio import PortfolioDocument
from experiments.model.times import to_micros
from experiments.views.portfolio import portfolio

router = cold_router("portfolio")

Instant = Annotated[AwareDatetime | None, Query(description="RFC 3339 with an offset; whole days in UTC count")]


@router.get("/v1/portfolio", response_model=PortfolioDocument)
@needs("read")
async def show(
    call: Caller,
    since: Annotated[AwareDatetime | None, Query(alias="from")] = None,
    to: Instant = None,
    margin: Annotated[float | None, Query(ge=0, le=1, allow_inf_nan=False, description="of revenue")] = None,
) -> Response:
    """Lift and money of all campaigns against the global holdout; who is in several campaigns counts once."""
    return answer(await call.report(portfolio, _micros(since), _micros(to), margin))


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else to_micros(moment)
