"""How often would each test raise a false alarm on this experiment's own units, if nothing had been done to them?"""

from typing import Annotated

from fastapi import Depends
from starlette.responses import Response

from api.auth import needs
from api.dependencies import Caller, cold_router
from api.schemas.aa import AaBody, AaDocument, AaRuns
from api.schemas.bodies import Number, answer, wanted_page
from experiments.services.aa_testing import AaRequest, cancel_aa, request_aa
from experiments.views import aa_runs as views
from experiments.views.paging import Wanted

router = cold_router("aa")


@router.post("/v1/experiments/{key}/aa", status_code=202, response_model=AaDocument)
@needs("analyse")
async def begin(call: Caller, key: str, body: AaBody) -> Response:
    """Queue an A/A run over the units of all matured decisions; ask for it again at `Location`."""
    number = await call.run(request_aa, key, AaRequest(**body.model_dump()))
    return answer(await call.shown(views.aa_run, number), 202, {"Location": f"/v1/aa/{number}"})


@router.get("/v1/experiments/{key}/aa", response_model=AaRuns)
@needs("read")
async def list_runs(call: Caller, key: str, wanted: Annotated[Wanted, Depends(wanted_page)]) -> Response:
    """An experiment's A/A runs, newest first, without their results."""
    return answer(await call.report(views.aa_runs, key, wanted))


@router.get("/v1/aa/{number}", response_model=AaDocument)
@needs("read")
async def show(call: Caller, number: Number) -> Response:
    """How far a run is, and its result."""
    return answer(await call.report(views.aa_run, number))


@router.post("/v1/aa/{number}/cancel", response_model=AaDocument)
@needs("analyse")
async def cancel(call: Caller, number: Number) -> Response:
    """End a run that is not over yet."""
    await call.run(cancel_aa, number)
    return answer(await call.shown(views.aa_run, number))
