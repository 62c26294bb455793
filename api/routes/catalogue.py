"""The arm catalogue, which an event-management system keeps in step."""

from dataclasses import asdict
from typing import Annotated

from fastapi import Depends, Path
from starlette.responses import Response

from api.auth import needs
from api.dependencies import Caller, cold_router
from api.schemas.bodies import answer, wanted_page
from api.schemas.catalogue import CatalogueArmDocument, CatalogueArms, CatalogueReceipt, CatalogueRequest
from experiments.model.catalogue import CatalogueEntry, CatalogueFields
from experiments.services.designing.cataloguing import put_arms, withdraw_arm
from experiments.views import catalogue as views
from experiments.views.paging import Wanted

router = cold_router("catalogue")

ArmKey = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


@router.put("/v1/catalogue/arms", response_model=CatalogueReceipt)
@needs("experiment")
async def put_many(call: Caller, wish: CatalogueRequest) -> Response:
    """Create or replace up to 1,000 arms, all or none. One with `status: withdrawn` is eligible nowhere any more."""
    return answer(asdict(await call.change(put_arms, wish.arms)))


@router.put("/v1/catalogue/arms/{arm}", response_model=CatalogueReceipt)
@needs("experiment")
async def put_one(call: Caller, arm: ArmKey, wish: CatalogueFields) -> Response:
    """Create or replace one arm."""
    entry = CatalogueEntry(key=arm, **{name: getattr(wish, name) for name in CatalogueFields.model_fields})
    return answer(asdict(await call.change(put_arms, [entry])))


@router.get("/v1/catalogue/arms", response_model=CatalogueArms)
@needs("read")
async def show_many(call: Caller, wanted: Annotated[Wanted, Depends(wanted_page)]) -> Response:
    """The catalogue, newest first."""
    return answer(await call.run(views.catalogue_arms, wanted))


@router.get("/v1/catalogue/arms/{arm}", response_model=CatalogueArmDocument)
@needs("read")
async def show_one(call: Caller, arm: ArmKey) -> Response:
    """One arm, with the live experiments that refer to it."""
    return answer(await call.run(views.catalogue_arm, arm))


@router.delete("/v1/catalogue/arms/{arm}", response_model=CatalogueReceipt)
@needs("experiment")
async def withdraw(call: Caller, arm: ArmKey) -> Response:
    """Withdraw an arm: from the next decision on it is eligible in no experiment; what was decided stands."""
    return answer(asdict(await call.change(withdraw_arm, arm)))
