"""API keys: credentials of systems."""

from functools import partial
from typing import Annotated

from fastapi import Depends
from starlette.responses import Response

from api.auth import needs
from api.dependencies import Caller, cold_router
from api.schemas.bodies import Number, answer, wanted_page
from api.schemas.credentials import KeyRequest, Keys, NewKey
from experiments.model.times import to_micros
from experiments.services.granting import create_key, revoke_key
from experiments.views import credentials as views
from experiments.views.paging import Wanted

router = cold_router("credentials")


@router.post("/v1/keys", status_code=201, response_model=NewKey)
@needs("admin")
async def create(call: Caller, wish: KeyRequest) -> Response:
    """A new key; the reply is the only place that ever shows it."""
    expires_at = None if wish.expires_at is None else to_micros(wish.expires_at)
    return answer(await call.run(create_key, wish.name, wish.scopes, expires_at), 201)


@router.get("/v1/keys", response_model=Keys)
@needs("admin")
async def list_keys(call: Caller, wanted: Annotated[Wanted, Depends(wanted_page)]) -> Response:
    """Keys, newest first."""
    return answer(await call.run(views.keys, wanted))


@router.delete("/v1/keys/{key_id}", status_code=204, response_class=Response)
@needs("admin")
async def revoke(call: Caller, key_id: Number, force: bool = False) -> Response:
    """Take a key back: here at once, in other processes within two seconds.

    The last administrator's key is revoked with `force=true` only: nobody could make another one over HTTP.
    """
    await call.run(partial(revoke_key, force=force), key_id)
    call.service.gate.forget()
    return Response(status_code=204)
