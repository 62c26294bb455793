"""Define experiments, change them, and take them through their life."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Body, Depends, Header, Query
from starlette.responses import Response

from api.auth import needs
from api.dependencies import Call, Caller, cold_router
from api.errors import problem
from api.schemas.bodies import answer, wanted_page
from api.schemas.experiments import ArmPatch, ExperimentDocument, Heads, Revisions, Validation
from experiments.errors import Fault, InvalidError
from experiments.model.designing.capping import CapProposal
from experiments.model.designing.states import TRANSITIONS
from experiments.model.times import to_micros
from experiments.services.designing.adjusting import KINDS, AdjustmentRequest, adjust_arm
from experiments.services.designing.definitions import (
    change_experiment,
    clone_experiment,
    create_experiment,
    validate_experiment,
)
from experiments.services.designing.steering import move_experiment
from experiments.services.limits.capping import proposal_told, propose_cap, propose_cap_at_start
from experiments.views import experiments as views
from experiments.views.paging import Wanted

router = cold_router("experiments")

_DEFINITION = {
    "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Definition"}}}}
}
Document = Annotated[Any, Body()]
IfMatch = Annotated[str | None, Header(description="the ETag of the version that the change is meant for")]


@router.post(
    "/v1/experiments", status_code=201, response_model=ExperimentDocument | Validation, openapi_extra=_DEFINITION
)
@needs("experiment")
async def define(call: Caller, document: Document, validate_only: bool = False) -> Response:
    """Define an experiment, as a draft. `validate_only` stores nothing and tells what would come of it."""
    # What reads histories comes first: it may take too long, and nothing may be stored where that is answered.
    proposal = await call.report(propose_cap, call.service.settings.history_path, document)
    if validate_only:
        return await _validate(call, document, proposal)
    designed = await call.change(create_experiment, document)
    return await _document(call, designed.key, 201, [*designed.warnings, *proposal_told(document, proposal)])


@router.get("/v1/experiments", response_model=Heads)
@needs("read")
async def list_experiments(
    call: Caller, wanted: Annotated[Wanted, Depends(wanted_page)], status: Annotated[str | None, Query()] = None
) -> Response:
    """Experiments, newest first."""
    return answer(await call.run(views.experiments, wanted, status))


@router.get("/v1/experiments/{key}", response_model=ExperimentDocument)
@needs("read")
async def show(call: Caller, key: str) -> Response:
    """The definition with its state and the adjustments in force."""
    return _answered(await call.run(views.experiment, key))


@router.get("/v1/experiments/{key}/revisions", response_model=Revisions)
@needs("read")
async def revisions(call: Caller, key: str) -> Response:
    """The definition's revisions, by which readouts are stratified."""
    return answer(await call.run(views.revisions, key))


@router.patch("/v1/experiments/{key}", response_model=ExperimentDocument)
@needs("experiment")
async def change(call: Caller, key: str, document: Document, if_match: IfMatch = None) -> Response:
    """Change the definition by a JSON merge patch (RFC 7386)."""
    designed = await call.change(change_experiment, key, document, _version(if_match))
    return await _document(call, key, 200, designed.warnings)


@router.post("/v1/experiments/{key}/clone", status_code=201, response_model=ExperimentDocument)
@needs("experiment")
async def clone(call: Caller, key: str, document: Document) -> Response:
    """A draft like another experiment; the body is a merge patch with at least a new `key`."""
    designed = await call.change(clone_experiment, key, document)
    return await _document(call, designed.key, 201, designed.warnings)


@router.patch("/v1/experiments/{key}/arms/{arm}", response_model=ExperimentDocument)
@needs("experiment")
async def adjust(call: Caller, key: str, arm: str, patch: ArmPatch) -> Response:
    """Enable or disable an arm, or override its cost or weight, with a reason and an optional expiry."""
    given = patch.model_dump(include=patch.model_fields_set & set(KINDS))
    values = {kind: None if value is None else float(value) for kind, value in given.items()}
    expires_at = None if patch.expires_at is None else to_micros(patch.expires_at)
    await call.change(adjust_arm, key, arm, AdjustmentRequest(values, patch.reason, expires_at))
    return await _document(call, key)


def _add_transition(verb: str) -> None:
    @needs("experiment")
    async def move(call: Caller, key: str, if_match: IfMatch = None) -> Response:
        version, folder = _version(if_match), call.service.settings.history_path
        cap = await call.report(propose_cap_at_start, folder, key) if verb == "start" else None
        await call.change(move_experiment, key, verb, version, cap)
        return await _document(call, key)

    sources, target = TRANSITIONS[verb]
    move.__doc__ = f"From {' or '.join(sorted(sources))} to {target}; 409 from anywhere else."
    router.add_api_route(
        f"/v1/experiments/{{key}}/{verb}", move, methods=["POST"], name=verb, response_model=ExperimentDocument
    )


for _verb in TRANSITIONS:
    _add_transition(_verb)


async def _validate(call: Call, document: Any, proposal: CapProposal | None) -> Response:
    verdict = await call.run(validate_experiment, document)
    if verdict.definition is None:
        return problem(422, f"{len(verdict.faults)} fault(s) in the definition", verdict.faults)
    warnings = [*verdict.warnings, *proposal_told(document, proposal)]
    proposed = {} if proposal is None else {"cap_revenue": proposal.value}
    return answer({"valid": True, "warnings": warnings, "definition": verdict.definition, "proposed": proposed})


async def _document(call: Call, key: str, status: int = 200, warnings: Sequence[Fault] = ()) -> Response:
    return _answered(await call.shown(views.experiment, key), status, warnings)


def _answered(shown: dict[str, Any], status: int = 200, warnings: Sequence[Fault] = ()) -> Response:
    return answer({**shown, "warnings": warnings}, status, {"ETag": f'"{shown["version"]}"'})


def _version(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    quoted = re.fullmatch(r'\s*(?:W/)?"?([0-9]{1,18})"?\s*', if_match)
    if quoted is None:
        raise InvalidError([Fault("", "header If-Match: give the ETag as it was received")])
    return int(quoted[1])
