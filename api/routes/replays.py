"""Judge other policies on a live experiment's log, in the background."""

from typing import Annotated

from fastapi import Depends
from starlette.responses import Response

from api.auth import needs
from api.dependencies import Caller, cold_router
from api.schemas.bodies import Number, answer, wanted_page
from api.schemas.replays import ReplayBody, ReplayDocument, Replays
from experiments.model.times import to_micros
from experiments.services.replaying import ReplayRequest, cancel_replay, request_replay
from experiments.views import replays as views
from experiments.views.paging import Wanted

router = cold_router("replays")


@router.post("/v1/experiments/{key}/replays", status_code=202, response_model=ReplayDocument)
@needs("analyse")
async def begin(call: Caller, key: str, body: ReplayBody) -> Response:
    """Queue a replay of candidate policies on the matured decisions; ask for it again at `Location`."""
    asked = body.model_dump(exclude={"start", "end"})
    asked |= {name: None if (at := getattr(body, name)) is None else to_micros(at) for name in ("start", "end")}
    number = await call.run(request_replay, key, ReplayRequest(**asked))
    return answer(await call.shown(views.replay, number), 202, {"Location": f"/v1/replays/{number}"})


@router.get("/v1/experiments/{key}/replays", response_model=Replays)
@needs("read")
async def list_replays(call: Caller, key: str, wanted: Annotated[Wanted, Depends(wanted_page)]) -> Response:
    """An experiment's replays, newest first, without their results."""
    return answer(await call.report(views.replays, key, wanted))


@router.get("/v1/replays/{number}", response_model=ReplayDocument)
@needs("read")
async def show(call: Caller, number: Number) -> Response:
    """How far a replay is, and its result."""
    return answer(await call.report(views.replay, number))


@router.post("/v1/replays/{number}/cancel", response_model=ReplayDocument)
@needs("analyse")
async def cancel(call: Caller, number: Number) -> Response:
    """End a replay that is not over yet."""
    await call.run(cancel_replay, number)
    return answer(await call.shown(views.replay, number))
