"""Inactivity segments: define them, see who is in them, how many move and whether they drift."""

from typing import Annotated

from fastapi import Depends, Query
from starlette.responses import Response

from api.auth import needs
from api.dependencies import Caller, cold_router
from api.schemas.bodies import answer, wanted_page
from api.schemas.segments import (
    Changed,
    Members,
    MembersBody,
    Moves,
    SegmentBody,
    SegmentChanges,
    SegmentDocument,
    Segments,
    members_page,
)
from experiments.model.times import duration_micros
from experiments.services.segmenting.defining import (
    Wish,
    ask_for_refresh,
    change_segment,
    define_segment,
    drop_segment,
)
from experiments.services.segmenting.membership import set_members
from experiments.views.paging import Wanted
from experiments.views.units import segments as views

router = cold_router("segments")

Text = Annotated[str | None, Query(max_length=512)]


@router.post("/v1/segments", status_code=201, response_model=SegmentDocument)
@needs("experiment")
async def define(call: Caller, body: SegmentBody) -> Response:
    """Define a segment; the worker fills it within seconds."""
    every = None if body.refresh_every is None else duration_micros(body.refresh_every)
    wish = Wish(body.key, body.kind, body.params, body.name, every, body.drift_threshold)
    await call.run(define_segment, wish)
    return answer(await call.shown(views.segment, body.key), 201, {"Location": f"/v1/segments/{body.key}"})


@router.get("/v1/segments", response_model=Segments)
@needs("read")
async def list_segments(call: Caller, wanted: Annotated[Wanted, Depends(wanted_page)]) -> Response:
    """All segments with their sizes."""
    return answer(await call.run(views.segments, wanted))


@router.get("/v1/segments/{key}", response_model=SegmentDocument)
@needs("read")
async def show(call: Caller, key: str) -> Response:
    """Sizes, the flow since the refresh before, drift, and the last refreshes."""
    return answer(await call.run(views.segment, key))


@router.patch("/v1/segments/{key}", response_model=SegmentDocument)
@needs("experiment")
async def change(call: Caller, key: str, body: SegmentChanges) -> Response:
    """Change a segment; its kind stays what it is."""
    changes = body.model_dump(exclude_unset=True)
    if changes.get("refresh_every") is not None:
        changes["refresh_every"] = duration_micros(changes["refresh_every"])
    await call.run(change_segment, key, changes)
    return answer(await call.shown(views.segment, key))


@router.delete("/v1/segments/{key}", status_code=204, response_class=Response)
@needs("experiment")
async def drop(call: Caller, key: str) -> Response:
    """Drop a segment."""
    await call.run(drop_segment, key)
    return Response(status_code=204)


@router.post("/v1/segments/{key}/refresh", status_code=202, response_model=SegmentDocument)
@needs("experiment")
async def refresh(call: Caller, key: str) -> Response:
    """Let the worker refresh it next."""
    await call.run(ask_for_refresh, key)
    return answer(await call.shown(views.segment, key), 202)


@router.get("/v1/segments/{key}/members", response_model=Members)
@needs("read")
async def members(
    call: Caller, key: str, wanted: Annotated[Wanted, Depends(members_page)], value: Text = None
) -> Response:
    """The units in a segment (`?value=`: only those under it), in the order of their ids."""
    return answer(await call.run(views.members, key, wanted, value))


@router.put("/v1/segments/{key}/members", response_model=Changed)
@needs("outcomes")
async def put_members(call: Caller, key: str, body: MembersBody) -> Response:
    """Give members of an external segment, from another targeting system."""
    wanted: dict[str, str | None] = {member.unit_id: member.value for member in body.members}
    wanted |= dict.fromkeys(body.leave)
    changed, erased = await call.run(set_members, key, wanted)
    return answer({"changed": changed} | ({"erased": erased} if erased else {}))


@router.get("/v1/segments/{key}/changes", response_model=Moves)
@needs("read")
async def changes(
    call: Caller, key: str, wanted: Annotated[Wanted, Depends(wanted_page)], unit_id: Text = None
) -> Response:
    """Moves into, within and out of a segment, newest first (`?unit_id=`: those of one unit)."""
    return answer(await call.run(views.changes, key, wanted, unit_id))
