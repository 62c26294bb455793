"""Out to CRM: destinations, pushes to them, and assignments as files."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends
from starlette.responses import Response, StreamingResponse

from api.auth import in_time, needs
from api.dependencies import Caller, cold_router
from api.schemas.bodies import Number, answer, wanted_page
from api.schemas.deliveries import (
    Deliveries,
    DeliveryBody,
    DeliveryDocument,
    DestinationBody,
    DestinationDocument,
    DestinationPatch,
    Destinations,
)
from experiments.services.delivering.destinations import (
    DestinationWish,
    change_destination,
    create_destination,
    delete_destination,
)
from experiments.services.delivering.requests import (
    DeliveryWish,
    cancel_delivery,
    note_fetched,
    request_delivery,
    retry_delivery,
)
from experiments.services.opening import Service
from experiments.views.batching import deliveries as views
from experiments.views.batching.assignment_files import MEDIA_TYPES, Parts, file_parts
from experiments.views.paging import Wanted

router = cold_router("deliveries")


@router.post("/v1/destinations", status_code=201, response_model=DestinationDocument)
@needs("admin")
async def create(call: Caller, body: DestinationBody) -> Response:
    """A place to push assignments to. Its secrets are named as environment variables, and never kept here."""
    allow_private = call.service.settings.allow_private_webhooks
    await call.run(create_destination, DestinationWish(**body.model_dump()), allow_private)
    return answer(await call.shown(views.destination, body.key), 201, {"Location": f"/v1/destinations/{body.key}"})


@router.get("/v1/destinations", response_model=Destinations)
@needs("read")
async def list_destinations(call: Caller) -> Response:
    """Every destination, by key."""
    return answer(await call.run(views.destinations))


@router.get("/v1/destinations/{key}", response_model=DestinationDocument)
@needs("read")
async def show_destination(call: Caller, key: str) -> Response:
    """One destination."""
    return answer(await call.run(views.destination, key))


@router.patch("/v1/destinations/{key}", response_model=DestinationDocument)
@needs("admin")
async def change(call: Caller, key: str, body: DestinationPatch) -> Response:
    """Change some members; pushes under way follow with their next batch."""
    changes = body.model_dump(include=body.model_fields_set)
    await call.run(change_destination, key, changes, call.service.settings.allow_private_webhooks)
    return answer(await call.shown(views.destination, key))


@router.delete("/v1/destinations/{key}", status_code=204, response_class=Response)
@needs("admin")
async def delete(call: Caller, key: str) -> Response:
    """Push nothing there from now on. The key is not given again: pushes are told by it."""
    await call.run(delete_destination, key)
    return Response(status_code=204)


@router.post("/v1/experiments/{key}/deliveries", status_code=202, response_model=DeliveryDocument)
@needs("experiment")
async def begin(call: Caller, key: str, body: DeliveryBody) -> Response:
    """Push assignments to a destination in the background; without one, make them ready as a file to be fetched."""
    asked = body.model_dump(exclude={"source"})
    source = {name: value for name, value in body.source.model_dump().items() if value is not None}
    number = await call.run(request_delivery, key, DeliveryWish(**asked, source=source))
    return answer(await call.shown(views.delivery, number), 202, {"Location": f"/v1/deliveries/{number}"})


@router.get("/v1/experiments/{key}/deliveries", response_model=Deliveries)
@needs("read")
async def list_deliveries(call: Caller, key: str, wanted: Annotated[Wanted, Depends(wanted_page)]) -> Response:
    """An experiment's deliveries, newest first."""
    return answer(await call.run(views.deliveries, key, wanted))


@router.get("/v1/deliveries/{number}", response_model=DeliveryDocument)
@needs("read")
async def show(call: Caller, number: Number) -> Response:
    """How far a delivery is."""
    return answer(await call.run(views.delivery, number))


@router.post("/v1/deliveries/{number}/cancel", response_model=DeliveryDocument)
@needs("experiment")
async def cancel(call: Caller, number: Number) -> Response:
    """End a push that is not over; what was sent stays sent."""
    await call.run(cancel_delivery, number)
    return answer(await call.shown(views.delivery, number))


@router.post("/v1/deliveries/{number}/retry", response_model=DeliveryDocument)
@needs("experiment")
async def retry(call: Caller, number: Number) -> Response:
    """Go on where a dead or cancelled push stopped."""
    await call.run(retry_delivery, number)
    return answer(await call.shown(views.delivery, number))


@router.get(
    "/v1/deliveries/{number}/file",
    response_class=Response,
    responses={200: {"content": {media_type: {} for media_type in MEDIA_TYPES.values()}}},
)
@needs("experiment")
async def fetch(call: Caller, number: Number) -> Response:
    """Assignments as CSV, Parquet or JSON lines, each with its arm's payload."""
    shown = await call.shown(views.delivery, number)
    engine = call.service.engine
    parts = await call.run(
        file_parts,
        number,
        call.service.settings.history_path,
        lambda counts: note_fetched(engine, number, counts._asdict()),
    )
    kind, name = shown["format"], f"{shown['experiment']}-{number}.{shown['format']}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_streamed(call.service, parts), 200, headers, MEDIA_TYPES[kind])


async def _streamed(service: Service, parts: Parts) -> AsyncIterator[bytes]:
    while (part := await in_time(service, lambda: next(parts, None))) is not None:
        yield part
