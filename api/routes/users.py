"""People and their roles."""

from functools import partial
from typing import Annotated

from fastapi import Depends
from starlette.responses import Response

from api.auth import needs
from api.dependencies import Caller, cold_router
from api.schemas.bodies import Number, answer, wanted_page
from api.schemas.credentials import NewUser, UserPatch, UserRequest, Users
from experiments.services.access.granting_users import UserChange, change_user, create_user
from experiments.views import credentials as views
from experiments.views.paging import Wanted

router = cold_router("credentials")


@router.post("/v1/users", status_code=201, response_model=NewUser)
@needs("admin")
async def create(call: Caller, wish: UserRequest) -> Response:
    """A new person."""
    return answer({"id": await call.run(create_user, wish.email, wish.password, wish.role)}, 201)


@router.get("/v1/users", response_model=Users)
@needs("admin")
async def list_users(call: Caller, wanted: Annotated[Wanted, Depends(wanted_page)]) -> Response:
    """People, newest first."""
    return answer(await call.run(views.users, wanted))


@router.patch("/v1/users/{user_id}", status_code=204, response_class=Response)
@needs("admin")
async def change(call: Caller, user_id: Number, patch: UserPatch, force: bool = False) -> Response:
    """Change a role or password, disable an account or enable it again.

    The last administrator is disabled, or given another role, with `force=true` only.
    """
    wanted = UserChange(patch.role, patch.password, patch.disabled)
    await call.run(partial(change_user, force=force), user_id, wanted)
    return Response(status_code=204)
