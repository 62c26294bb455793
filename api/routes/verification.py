"""Whether decisions follow from what is stored of them."""

from typing import Annotated

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from api.auth import needs
from api.dependencies import Caller, cold_router
from api.schemas.bodies import answer
from api.schemas.verification import VerificationPage
from experiments.services.verifying import verify_some
from experiments.views.paging import Wanted

router = cold_router("decisions")

MOST = 500
"""Decisions in one answer: what fits into the time that a request has."""


@router.get("/v1/experiments/{key}/verification", response_model=VerificationPage)
@needs("read")
async def verification(
    call: Caller,
    request: Request,
    key: str,
    limit: Annotated[int, Query(ge=1, le=MOST)] = MOST,
    cursor: Annotated[str | None, Query(max_length=20)] = None,
) -> Response:
    """Derive the next decisions again, oldest first: the draw exactly, the pmf from its snapshot to 1e-6."""
    wanted = Wanted(limit, cursor, request.scope["path"])
    found, last = await call.report(verify_some, key, -1 if wanted.after is None else wanted.after, limit)
    return answer(
        {
            "experiment": key,
            "checked": found.checked,
            "draws_different": found.draws_different,
            "pmfs_different": found.pmfs_different,
            "different": found.different,
            "erased": found.erased,
            "largest_difference": found.largest_difference,
            "examples": found.examples,
            "next_cursor": None if last is None else wanted.next_cursor(last),
        }
    )
