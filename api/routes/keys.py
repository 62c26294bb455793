"""API keys: credentials of systems."""

from functools import partial
from typing import Annotated

from fastapi import Depends
from starlette.responses import Response

from api.auth import in_time, needs
from api.dependencies import Caller, cold_router
from api.schemas.bodies import Number, answer, wanted_page
from api.schemas.credentials import KeyRequest, Keys, NewKey, RotatedKey, RotationRequest
from experiments.model.access.rate_limits import RateLimit
from experiments.model.times import to_micros, to_rfc3339
from experiments.services.access.granting_keys import create_key, revoke_key
from experiments.services.access.rotating import rotate_key
from experiments.views import credentials as views
from experiments.views.paging import Wanted

router = cold_router("credentials")


@router.post("/v1/keys", status_code=201, response_model=NewKey)
@needs("admin")
async def create(call: Caller, wish: KeyRequest) -> Response:
    """A new key; the reply is the only place that ever shows it."""
    expires_at = None if wish.expires_at is None else to_micros(wish.expires_at)
    asked = wish.rate_limit
    limit = None if asked is None else RateLimit(asked.requests, asked.per, asked.burst or asked.requests)
    made = await call.run(create_key, wish.name, wish.scopes, expires_at, limit)
    return answer({"id": made.id, "key": made.key, "prefix": made.prefix}, 201)


@router.post("/v1/keys/{key_id}/rotate", status_code=201, response_model=RotatedKey)
@needs("admin")
async def rotate(call: Caller, key_id: Number, wish: RotationRequest | None = None) -> Response:
    """A new secret with the same name, scopes and rate limit; the old one goes on for `overlap` and then expires.

    `last_used_at` of the old one tells whether somebody still sends it.
    """
    made = await call.run(rotate_key, key_id, (wish or RotationRequest()).overlap)
    call.service.gate.forget()
    until = None if made.replaced_until is None else to_rfc3339(made.replaced_until)
    return answer({"id": made.id, "key": made.key, "prefix": made.prefix, "replaced_until": until}, 201)


@router.get("/v1/keys", response_model=Keys)
@needs("admin")
async def list_keys(call: Caller, wanted: Annotated[Wanted, Depends(wanted_page)]) -> Response:
    """Keys, newest first."""
    await in_time(call.service, call.service.gate.usage.store)
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
