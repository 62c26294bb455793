"""Profiles of units."""

from starlette.responses import Response

from api.auth import needs
from api.dependencies import Caller, cold_router
from api.schemas.bodies import answer
from api.schemas.credentials import ProfileRequest, UnitFace
from experiments.services.profiling import erase_unit, store_profile
from experiments.views import units as views

router = cold_router("units")


@router.put("/v1/units/{unit_id:path}", status_code=204, response_class=Response)
@needs("outcomes")
async def store(call: Caller, unit_id: str, wish: ProfileRequest) -> Response:
    """Replace the profile; it is joined with the caller's context, which wins where both name a feature."""
    await call.run(store_profile, unit_id, wish.profile)
    return Response(status_code=204)


@router.get("/v1/units/{unit_id:path}", response_model=UnitFace)
@needs("read")
async def show(call: Caller, unit_id: str) -> Response:
    """The profile."""
    return answer(await call.run(views.unit, unit_id))


@router.delete("/v1/units/{unit_id:path}", status_code=204, response_class=Response)
@needs("admin")
async def erase(call: Caller, unit_id: str) -> Response:
    """Erase the person and keep the statistics."""
    await call.change(erase_unit, unit_id)
    return Response(status_code=204)
