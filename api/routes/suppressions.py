"""Limits: where a budget stands, and the list of units that no experiment contacts."""

from typing import Annotated

from fastapi import Depends
from starlette.responses import Response

from api.auth import needs
from api.dependencies import Caller, cold_router
from api.schemas.bodies import answer, wanted_page
from api.schemas.limits import (
    BudgetDocument,
    SuppressedCount,
    SuppressionDocument,
    SuppressionRequest,
    Suppressions,
    SuppressionsRequest,
)
from api.unit_paths import UNIT
from experiments.model.times import to_micros
from experiments.services.limits.suppressing import release_unit, suppress_unit, suppress_units
from experiments.views.budgets import budget
from experiments.views.paging import Wanted
from experiments.views.units import suppressions as views

router = cold_router("limits")


@router.get("/v1/experiments/{key}/budget", response_model=BudgetDocument)
@needs("read")
async def show_budget(call: Caller, key: str) -> Response:
    """What is committed, paid and expected to be paid, the price on cost, and when the budget runs out."""
    return answer(await call.run(budget, key))


@router.get("/v1/suppressions", response_model=Suppressions)
@needs("read")
async def list_units(call: Caller, wanted: Annotated[Wanted, Depends(wanted_page)]) -> Response:
    """Suppressed units, newest first."""
    return answer(await call.run(views.suppressions, wanted))


@router.put("/v1/suppressions", response_model=SuppressedCount)
@needs("outcomes")
async def suppress_many(call: Caller, wish: SuppressionsRequest) -> Response:
    """Put up to 1,000 units on the list: all or none, but for those of erased persons, which are counted (`erased`)."""
    suppressed, erased = await call.run(suppress_units, wish.units, wish.reason, _expiry(wish))
    return answer({"suppressed": suppressed} | ({"erased": erased} if erased else {}))


@router.put(f"/v1/suppressions/{UNIT}", status_code=204, response_class=Response)
@needs("outcomes")
async def suppress(call: Caller, unit_id: str, wish: SuppressionRequest) -> Response:
    """Contact this unit no more: from the next decision on every arm but `nothing` is left out.

    409 where the person was erased: nobody contacts them, and nothing is kept of them.
    """
    await call.run(suppress_unit, unit_id, wish.reason, _expiry(wish))
    return Response(status_code=204)


@router.get(f"/v1/suppressions/{UNIT}", response_model=SuppressionDocument)
@needs("read")
async def show(call: Caller, unit_id: str) -> Response:
    """Whether and why the unit is on the list."""
    return answer(await call.run(views.suppression, unit_id))


@router.delete(f"/v1/suppressions/{UNIT}", status_code=204, response_class=Response)
@needs("outcomes")
async def release(call: Caller, unit_id: str) -> Response:
    """Take the unit off the list."""
    await call.run(release_unit, unit_id)
    return Response(status_code=204)


def _expiry(wish: SuppressionRequest) -> int | None:
    return None if wish.expires_at is None else to_micros(wish.expires_at)
