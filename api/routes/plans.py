"""Plan a test or a campaign before launch."""

from typing import Annotated, Any

from fastapi import Body, Depends
from starlette.responses import Response

from api.auth import needs
from api.dependencies import Caller, cold_router
from api.schemas.bodies import Number, answer, wanted_page
from api.schemas.plans import PlanReply, Plans
from experiments.services.planning import request_plan
from experiments.views import plans as views
from experiments.views.paging import Wanted

router = cold_router("plans")

_DOCUMENT = {
    "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/PlanDocument"}}}},
    "responses": {
        "202": {
            "description": "It is being simulated; ask for it again at `Location`.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/PlanReply"}}},
        }
    },
}


@router.post("/v1/plans", status_code=201, response_model=PlanReply, openapi_extra=_DOCUMENT)
@needs("analyse")
async def begin(call: Caller, document: Annotated[Any, Body()]) -> Response:
    """Size, power and duration of a fixed test at once (201); a bandit's regret, spend and time by simulation (202)."""
    number = await call.report(request_plan, document)
    made = await call.shown(views.plan, number)
    return answer(made, 201 if made["status"] == "done" else 202, {"Location": f"/v1/plans/{number}"})


@router.get("/v1/plans", response_model=Plans)
@needs("read")
async def list_plans(call: Caller, wanted: Annotated[Wanted, Depends(wanted_page)]) -> Response:
    """Plans, newest first, without their results."""
    return answer(await call.report(views.plans, wanted))


@router.get("/v1/plans/{number}", response_model=PlanReply)
@needs("read")
async def show(call: Caller, number: Number) -> Response:
    """A plan, and its result once there is one."""
    return answer(await call.report(views.plan, number))
