"""Profiles of units."""

from functools import partial

from starlette.responses import Response

from api.auth import needs
from api.dependencies import Caller, cold_router
from api.schemas.bodies import answer
from api.schemas.units import ProfileRequest, ProfilesRequest, UnitDocument, UnitsStored
from api.unit_paths import UNIT
from experiments.services.erasing import erase_unit
from experiments.services.profiling import store_listed, store_profile
from experiments.views.units import profiles as views

router = cold_router("units")


@router.post("/v1/units/batch", response_model=UnitsStored)
@needs("outcomes")
async def store_many(call: Caller, wish: ProfilesRequest) -> Response:
    """Replace up to 1,000 profiles, or merge into them; all of them or, where one has a fault, none.

    Units of erased persons are left out and counted (`erased`).
    """
    profiles = [(each.unit_id, each.profile) for each in wish.units]
    stored, erased = await call.run(partial(store_listed, merge=wish.merge), profiles)
    return answer({"stored": stored} | ({"erased": erased} if erased else {}))


@router.put(f"/v1/units/{UNIT}", status_code=204, response_class=Response)
@needs("outcomes")
async def store(call: Caller, unit_id: str, wish: ProfileRequest) -> Response:
    """Replace the profile; it is joined with the caller's context, which wins where both name a feature.

    Where a person of this id was erased, this is a new one from now on.
    """
    await call.run(store_profile, unit_id, wish.profile)
    return Response(status_code=204)


@router.get(f"/v1/units/{UNIT}", response_model=UnitDocument)
@needs("read")
async def show(call: Caller, unit_id: str) -> Response:
    """The profile, the segments, and what the history comes down to for a decision made now."""
    return answer(await call.run(views.unit, unit_id))


@router.delete(f"/v1/units/{UNIT}", status_code=204, response_class=Response)
@needs("admin")
async def erase(call: Caller, unit_id: str) -> Response:
    """Erase the person and keep the statistics; nothing of this unit is taken until a profile is put under the id."""
    await call.change(partial(erase_unit, folder=call.service.settings.history_path), unit_id)
    return Response(status_code=204)
