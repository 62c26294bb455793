"""What each route needs, and who calls. A route that says nothing keeps the application from being built."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar
from starlette.requests import Request
from starlette.routing import BaseRoute

from experiments.errors import UnavailableError
from experiments.model.access.principal import SCOPES, Principal, Scope, require
from experiments.services.opening import Service

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
Result = TypeVar("Result")

PUBLIC = "public"
_NEEDS = "winback_needs"
CALLER = "winback_caller"
"""Where a request's scope holds who sent it, once that is known."""
_MARGIN = 0.1
"""Seconds beyond the database's own time limit, so that its answer wins where it gives one."""
_REPORTS = 8
"""Reports at once in one process."""
_threads: RunVar[anyio.CapacityLimiter] = RunVar("report_threads")


def address_of(scope: Mapping[str, Any]) -> str:
    """Where a request comes from."""
    client = scope.get("client")
    return client[0] if client else ""


def needs(scope: Scope) -> Callable[[Endpoint], Endpoint]:
    """Declare the scope that an endpoint takes: `@needs("read")`, below the router's own decorator."""

    def declare(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _NEEDS, scope)
        return endpoint

    return declare


def public(endpoint: Endpoint) -> Endpoint:
    """Declare that an endpoint needs no credential: health, metrics and the description of the API."""
    setattr(endpoint, _NEEDS, PUBLIC)
    return endpoint


def need_of(endpoint: object) -> str | None:
    """What an endpoint declares."""
    return getattr(endpoint, _NEEDS, None)


def declared(route: BaseRoute) -> str | None:
    """What a route needs: a scope, `public`, or None where it does not say."""
    return need_of(getattr(route, "endpoint", None))


def refuse_undeclared(routes: Iterable[BaseRoute]) -> None:
    """Raise RuntimeError where a route declares nothing."""
    for route in routes:
        if declared(route) not in {*SCOPES, PUBLIC}:
            path = getattr(route, "path", route)
            raise RuntimeError(f"{path} does not declare what it needs: use @needs(scope) or @public")


async def authenticated(request: Request) -> Principal:
    """Who calls, holding the scope that the route declares.

    Costs a dictionary look-up where the key was seen within the last two seconds; asked again within a request it is
    the same answer, and one call. Raises UnauthenticatedError, ForbiddenError, TooManyError.
    """
    principal: Principal | None = request.scope.get(CALLER)
    if principal is None:
        service: Service = request.app.state.winback
        header, address = request.headers.get("authorization"), address_of(request.scope)
        principal = service.gate.known(header, address)
        if principal is None:
            principal = await in_time(service, lambda: service.gate.authenticate(header, address))
        request.scope[CALLER] = principal
    permit(request.scope["endpoint"], principal)
    return principal


def permit(endpoint: Any, principal: Principal) -> None:
    """Raise ForbiddenError where the caller lacks the scope that the endpoint declares."""
    scope = getattr(endpoint, _NEEDS)
    if scope != PUBLIC:
        require(principal, scope)


async def in_time(service: Service, call: Callable[[], Result]) -> Result:
    """Run a synchronous call off the event loop. Raises UnavailableError where the database keeps silent.

    A database that neither answers nor refuses would hold the caller for minutes; the abandoned statement is undone
    by its own time limit.
    """
    with anyio.move_on_after(service.settings.database_timeout + _MARGIN):
        return await anyio.to_thread.run_sync(call, abandon_on_cancel=True)
    raise UnavailableError("the database did not answer in time; try again")


async def in_report_time(service: Service, call: Callable[[], Result]) -> Result:
    """The same for a call that calculates, on one of few threads: readouts that take long hold up one another only."""
    with anyio.move_on_after(service.settings.report_patience + _MARGIN):
        return await anyio.to_thread.run_sync(call, abandon_on_cancel=True, limiter=_report_threads())
    raise UnavailableError("this took longer than WINBACK_REPORT_TIMEOUT allows; try again, or ask for less")


def _report_threads() -> anyio.CapacityLimiter:
    """The event loop's own."""
    try:
        return _threads.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(_REPORTS)
        _threads.set(limiter)
        return limiter
