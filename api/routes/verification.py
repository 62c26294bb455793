"""Whether decisions follow from what is stored of them."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from api.auth import needs
from api.dependencies import Caller, cold_router
from api.schemas.bodies import answer
from api.schemas.verification import VerificationPage
from experiments.errors import Fault, InvalidError
from experiments.model.ids import decision_number, public_id
from experiments.services.verifying import verify_some

router = cold_router("decisions")

MOST = 500
"""Decisions in one answer: what fits into the time that a request has."""


@router.get("/v1/experiments/{key}/verification", response_model=VerificationPage)
@needs("read")
async def verification(
    call: Caller,
    key: str,
    limit: Annotated[int, Query(ge=1, le=MOST)] = MOST,
    cursor: Annotated[str | None, Query(max_length=20)] = None,
) -> Response:
    """Derive the next decisions again, oldest first: the draw exactly, the pmf from its snapshot to 1e-6."""
    found, last = await call.report(verify_some, key, _after(cursor), limit)
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
            "next_cursor": None if last is None else public_id(last),
        }
    )


def _after(cursor: str | None) -> int:
    if cursor is None:
        return -1
    try:
        return decision_number(cursor)
    except ValueError:
        raise InvalidError([Fault("", "query parameter cursor: not a cursor that was given here")]) from None
