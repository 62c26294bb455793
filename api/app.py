"""The HTTP door: which routes there are, in the order in which they are tried."""

import atexit
import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route

from api.auth import public, refuse_undeclared
from api.errors import install_error_handlers
from api.hot import Shortcut
from api.middleware import Edge
from api.openapi import install_openapi
from api.routes import (
    aa,
    alerts,
    assignments,
    audit,
    batches,
    catalogue,
    decisions,
    deliveries,
    description,
    experiments,
    exposures,
    health,
    keys,
    learning,
    metrics,
    ofrep,
    outcomes,
    plans,
    portfolio,
    replays,
    results,
    security_events,
    segments,
    suppressions,
    tracking,
    units,
    users,
    verification,
)
from api.routes import settings as service_settings
from experiments.services.opening import open_service
from experiments.settings import Settings

HOT: tuple[Sequence[BaseRoute], ...] = (
    assignments.routes,
    outcomes.routes,
    metrics.routes,
    tracking.routes,
    ofrep.routes,
    exposures.routes,
    description.routes,
)
"""Starlette routes, tried first: campaign systems call them thousands of times a second."""

COLD: tuple[Sequence[BaseRoute], ...] = (
    health.router.routes,
    experiments.router.routes,
    keys.router.routes,
    users.router.routes,
    audit.router.routes,
    security_events.router.routes,
    units.router.routes,
    decisions.router.routes,
    results.router.routes,
    learning.router.routes,
    verification.router.routes,
    replays.router.routes,
    aa.router.routes,
    service_settings.router.routes,
    suppressions.router.routes,
    alerts.router.routes,
    plans.router.routes,
    portfolio.router.routes,
    catalogue.router.routes,
    tracking.router.routes,
    exposures.router.routes,
    deliveries.router.routes,
    segments.router.routes,
    batches.router.routes,
)
"""FastAPI routes."""


def create_app(settings: Settings) -> FastAPI:
    """The application over the configured database. Raises RuntimeError where a route does not say what it needs."""
    app = FastAPI(
        title="Winback",
        summary="Contextual-bandit experimentation for re-engagement campaigns.",
        version="1",
        lifespan=_lifespan,
        middleware=[
            Middleware(Edge, max_body=settings.max_body_bytes, access_log=settings.access_log),
            Middleware(Shortcut, routes=assignments.routes),
        ],
        redirect_slashes=False,
        # FastAPI's pages load their scripts from elsewhere; ours is among the routes.
        docs_url=None,
        redoc_url=None,
        # Looking for an exporter that is never configured costs every request more than its routing does.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.settings = settings
    for route in app.routes:  # the description; what is no route of Starlette's would be refused below
        if isinstance(route, Route):
            public(route.endpoint)
    app.router.routes[:0] = [route for routes in HOT for route in routes]
    app.router.routes.extend(route for routes in COLD for route in routes)
    refuse_undeclared(app.routes)
    install_error_handlers(app)
    install_openapi(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service = open_service(app.state.settings)
    app.state.winback = service
    try:
        await service.start()
        # What is alive now lives as long as the process: the collector need not walk it again (p99 39 to 11 ms).
        gc.collect()
        gc.freeze()
        atexit.register(gc.unfreeze)  # what stays frozen is told on the terminal as leaked
        # A decision makes few cycles: looking for them every 700 allocations is mostly in vain.
        gc.set_threshold(50_000, 20, 100)
        yield
    finally:
        await service.close()
