"""Settings of the whole service."""

from starlette.responses import Response

from api.auth import needs
from api.dependencies import Caller, cold_router
from api.schemas.bodies import answer
from api.schemas.credentials import HoldoutDocument
from experiments.services.configuring import set_global_holdout
from experiments.views.units import profiles as views

router = cold_router("settings")


@router.get("/v1/settings/global-holdout", response_model=HoldoutDocument)
@needs("read")
async def show_holdout(call: Caller) -> Response:
    """The share of all units that is outside every experiment."""
    return answer(await call.run(views.global_holdout))


@router.put("/v1/settings/global-holdout", response_model=HoldoutDocument)
@needs("admin")
async def set_holdout(call: Caller, wish: HoldoutDocument) -> Response:
    """Change that share; whoever was in a smaller one stays."""
    await call.change(set_global_holdout, wish.share)
    return answer(await call.shown(views.global_holdout))
