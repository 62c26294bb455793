"""Look at decisions, and void those that were never delivered."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Query
from starlette.responses import Response

from api.auth import needs
from api.dependencies import Caller, cold_router
from api.errors import STATUS, problem_document
from api.routes.metrics import VOIDS
from api.schemas.bodies import answer, wanted_page
from api.schemas.decisions import DecisionDocument, DecisionPage, Void, VoidDocument, VoidResults, Voids
from experiments.errors import Fault, InvalidError, WinbackError
from experiments.model.times import to_micros, to_rfc3339
from experiments.services.recording.voiding import Voided, void_decision, void_decisions
from experiments.views import decisions as views
from experiments.views.paging import Wanted

router = cold_router("decisions")


def chosen(
    unit_id: Annotated[str | None, Query(max_length=512)] = None,
    start: Annotated[datetime | None, Query(alias="from", description="decided at or after; RFC 3339")] = None,
    end: Annotated[datetime | None, Query(alias="to", description="decided before; RFC 3339")] = None,
) -> views.Chosen:
    """Which decisions."""
    return views.Chosen(unit_id, _instant("from", start), _instant("to", end))


@router.get("/v1/experiments/{key}/decisions", response_model=DecisionPage)
@needs("read")
async def list_decisions(
    call: Caller,
    key: str,
    wanted: Annotated[Wanted, Depends(wanted_page)],
    which: Annotated[views.Chosen, Depends(chosen)],
) -> Response:
    """Decisions with their outcomes, newest first."""
    return answer(await call.run(views.decisions, key, wanted, which))


@router.get("/v1/decisions/{decision_id}", response_model=DecisionDocument)
@needs("read")
async def show_decision(call: Caller, decision_id: str) -> Response:
    """The whole record of a decision with its outcomes, derived again on the spot."""
    return answer(await call.run(views.decision_document, decision_id))


@router.post("/v1/decisions/void", response_model=VoidResults)
@needs("assign")
async def void_many(call: Caller, body: Voids) -> Response:
    """Void decisions that were never delivered, answered in order; one that cannot be voided is refused alone."""
    results = await call.run(void_decisions, _asked(body))
    return answer({"results": [_result(each) for each in results]})


@router.post("/v1/decisions/{decision_id}/void", response_model=VoidDocument)
@needs("assign")
async def void_one(call: Caller, decision_id: str, body: Void) -> Response:
    """Void a decision that was never delivered: out of learning and arm readouts, kept in the intention to treat."""
    return answer(_result(await call.run(void_decision, decision_id, body.reason)))


def _asked(body: Voids) -> list[tuple[str, str]]:
    asked = [(each, None) if isinstance(each, str) else (each.decision_id, each.reason) for each in body.decisions]
    faults = [
        Fault(f"/decisions/{place}", "give a reason here, or one for all beside `decisions`")
        for place, (_, reason) in enumerate(asked)
        if reason is None and body.reason is None
    ]
    if faults:
        raise InvalidError(faults)
    return [(decision_id, reason or str(body.reason)) for decision_id, reason in asked]


def _result(voided: Voided | WinbackError) -> dict[str, Any]:
    if isinstance(voided, Voided):
        VOIDS.inc()
        return _document(voided)
    faults = voided.faults if isinstance(voided, InvalidError) else ()
    return problem_document(STATUS[type(voided)], str(voided), faults)


def _document(voided: Voided) -> dict[str, Any]:
    return {"decision_id": voided.decision_id, "reason": voided.reason, "voided_at": to_rfc3339(voided.voided_at)}


def _instant(name: str, moment: datetime | None) -> int | None:
    try:
        return None if moment is None else to_micros(moment)
    except ValueError as error:
        raise InvalidError([Fault("", f"query parameter {name}: {error}")]) from error
