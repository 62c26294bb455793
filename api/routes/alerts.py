"""Alerts, and the guardrails that raise them."""

from typing import Annotated

from fastapi import Depends, Query
from starlette.responses import Response

from api.auth import needs
from api.dependencies import Caller, cold_router
from api.schemas.alerts import AlertDocument, Alerts, Guardrails
from api.schemas.bodies import Number, answer, wanted_page
from api.schemas.experiments import ExperimentDocument, VariantPatch
from experiments.services.alerting import acknowledge_alert
from experiments.services.designing.pausing import switch_variant
from experiments.views.experiments import experiment as experiment_document
from experiments.views.monitoring import alerts as views
from experiments.views.monitoring.guardrails import guardrails
from experiments.views.paging import Wanted

router = cold_router("monitoring")


@router.get("/v1/alerts", response_model=Alerts)
@needs("read")
async def list_alerts(
    call: Caller,
    wanted: Annotated[Wanted, Depends(wanted_page)],
    experiment: Annotated[str | None, Query(max_length=64)] = None,
    status: Annotated[str | None, Query(description="open, acknowledged or resolved")] = None,
) -> Response:
    """Alerts, newest first."""
    return answer(await call.run(views.alerts, wanted, experiment, status))


@router.get("/v1/alerts/{number}", response_model=AlertDocument)
@needs("read")
async def show(call: Caller, number: Number) -> Response:
    """One alert."""
    return answer(await call.run(views.alert, number))


@router.post("/v1/alerts/{number}/acknowledge", response_model=AlertDocument)
@needs("experiment")
async def acknowledge(call: Caller, number: Number) -> Response:
    """Say that somebody has seen it and takes care; it stays until what it is about is over."""
    await call.run(acknowledge_alert, number)
    return answer(await call.shown(views.alert, number))


@router.get("/v1/experiments/{key}/guardrails", response_model=Guardrails)
@needs("read")
async def show_guardrails(call: Caller, key: str) -> Response:
    """How the guardrails and stop rules stand, as the worker sees them."""
    return answer(await call.report(guardrails, key))


@router.patch("/v1/experiments/{key}/variants/{variant}", response_model=ExperimentDocument)
@needs("experiment")
async def switch(call: Caller, key: str, variant: str, patch: VariantPatch) -> Response:
    """Pause a variant, or resume it; resuming what a guardrail has paused starts its evidence anew."""
    await call.change(switch_variant, key, variant, patch.enabled, patch.reason)
    shown = await call.shown(experiment_document, key)
    return answer({**shown, "warnings": []}, 200, {"ETag": f'"{shown["version"]}"'})
