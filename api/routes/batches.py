"""Decide for a whole base in the background."""

from typing import Annotated, Literal

import msgspec
from fastapi import Depends, Query
from starlette.responses import Response, StreamingResponse

from api.auth import needs
from api.dependencies import Caller, cold_router
from api.errors import msgspec_fault
from api.schemas.batches import BatchBody, BatchDocument, Batches
from api.schemas.bodies import Number, answer, wanted_page
from experiments.errors import Fault, InvalidError
from experiments.model.times import to_micros
from experiments.services.batching.request import BatchRequest
from experiments.services.batching.requesting import (
    cancel_batch,
    file_below,
    request_batch,
    resume_batch,
)
from experiments.services.batching.results import FORMATS, stream
from experiments.services.deciding.decider import check
from experiments.services.deciding.messages import Assignment
from experiments.views.batching import batches as views
from experiments.views.paging import Wanted

router = cold_router("batches")


@router.post("/v1/experiments/{key}/batches", status_code=202, response_model=BatchDocument)
@needs("assign")
async def begin(call: Caller, key: str, body: BatchBody) -> Response:
    """Queue a batch; ask for it again at `Location`."""
    settings = call.service.settings
    at = None if body.at is None else to_micros(body.at)
    path = None if body.file is None else str(file_below(settings.batch_dir, body.file))
    request = BatchRequest(segment=body.segment, values=tuple(body.values), path=path, at=at)
    rows = None if body.assignments is None else (settings.history_path / "batches", _requests(body))
    number = await call.run(request_batch, key, request, rows)
    location = {"Location": f"/v1/experiments/{key}/batches/{number}"}
    return answer(await call.shown(views.batch, key, number), 202, location)


@router.get("/v1/experiments/{key}/batches", response_model=Batches)
@needs("read")
async def list_batches(call: Caller, key: str, wanted: Annotated[Wanted, Depends(wanted_page)]) -> Response:
    """An experiment's batches, newest first."""
    return answer(await call.run(views.batches, key, wanted))


@router.get("/v1/experiments/{key}/batches/{number}", response_model=BatchDocument)
@needs("read")
async def show(call: Caller, key: str, number: Number) -> Response:
    """How far a batch is."""
    return answer(await call.run(views.batch, key, number))


@router.post("/v1/experiments/{key}/batches/{number}/cancel", response_model=BatchDocument)
@needs("assign")
async def cancel(call: Caller, key: str, number: Number) -> Response:
    """End a batch that is not over; what was decided stays decided."""
    await call.run(cancel_batch, key, number)
    return answer(await call.shown(views.batch, key, number))


@router.post("/v1/experiments/{key}/batches/{number}/resume", status_code=202, response_model=BatchDocument)
@needs("assign")
async def resume(call: Caller, key: str, number: Number) -> Response:
    """Go on with a batch that was cancelled or failed."""
    await call.run(resume_batch, key, number)
    return answer(await call.shown(views.batch, key, number), 202)


@router.get(
    "/v1/experiments/{key}/batches/{number}/result",
    response_class=StreamingResponse,
    responses={200: {"content": {kind: {"schema": {"type": "string"}} for kind in FORMATS.values()}}},
)
@needs("read")
async def result(
    call: Caller,
    key: str,
    number: Number,
    form: Annotated[Literal["parquet", "csv", "jsonl"], Query(alias="format")] = "parquet",
) -> Response:
    """One row per unit, in the order in which they were asked for."""
    found = await call.run(views.batch_result, key, number, call.service.settings.history_path)
    name = {"Content-Disposition": f'attachment; filename="batch-{number}.{form}"'}
    return StreamingResponse(stream(found.path, form, found.masking), media_type=FORMATS[form], headers=name)


def _requests(body: BatchBody) -> list[Assignment]:
    requests, faults = [], []
    for place, row in enumerate(body.assignments or ()):
        try:
            request = msgspec.convert(row, Assignment)
            check(request)
            requests.append(request)
        except msgspec.ValidationError as error:
            fault = msgspec_fault(error)
            faults.append(Fault(f"/assignments/{place}{fault.pointer}", fault.detail))
        except InvalidError as error:
            faults += [Fault(f"/assignments/{place}{fault.pointer}", fault.detail) for fault in error.faults]
    if faults:
        raise InvalidError(faults)
    return requests
