"""Liveness and readiness."""

from starlette.requests import Request
from starlette.responses import Response

from api.auth import in_time, public
from api.dependencies import cold_router
from api.errors import problem
from experiments.services.opening import Service

router = cold_router("health")


@router.get("/healthz")
@public
async def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@router.get("/readyz", response_model=dict[str, bool])
@public
async def ready(request: Request) -> dict[str, bool] | Response:
    """The database answers, its tables are up to date and the running experiments are loaded; 503 otherwise."""
    service: Service = request.app.state.winback
    checks = await in_time(service, service.readiness)
    missing = [name for name, holds in checks.items() if not holds]
    if missing:
        return problem(503, f"not ready: {', '.join(missing)}", headers={"Retry-After": "1"})
    return checks
