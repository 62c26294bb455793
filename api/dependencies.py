"""What the cold routes share: strict bodies, the caller, and calls that must not block the event loop."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import APIRouter, Depends, params
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from api.auth import PUBLIC, authenticated, declared, in_report_time, in_time
from experiments.errors import Fault, InvalidError, UnavailableError
from experiments.model.access.principal import Principal
from experiments.model.checks.shape import value_faults
from experiments.services.opening import Service

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated call of a cold route."""

    service: Service
    principal: Principal

    async def run(self, verb: Callable[..., Result], *arguments: Any) -> Result:
        """`verb(engine, principal, *arguments)` in a thread. Raises what it raises, or UnavailableError."""
        return await in_time(self.service, partial(verb, self.service.engine, self.principal, *arguments))

    async def shown(self, view: Callable[..., Result], *arguments: Any) -> Result:
        """What became of a change, for whoever was let make it: seeing that needs no scope of its own.

        Otherwise a key that may change a thing and not read it would be refused after the change was made.
        """
        reader = replace(self.principal, scopes=self.principal.scopes | {"read"})
        return await in_time(self.service, partial(view, self.service.engine, reader, *arguments))

    async def report(self, verb: Callable[..., Result], *arguments: Any) -> Result:
        """The same for what calculates, and may take longer than a decision waits for."""
        call = partial(verb, self.service.reports, self.principal, *arguments)
        return await in_report_time(self.service, call)

    async def change(self, verb: Callable[..., Result], *arguments: Any) -> Result:
        """The same, and this process decides by the change at once instead of at its next look."""
        result = await self.run(verb, *arguments)
        with suppress(UnavailableError):  # the change is made all the same
            await self.service.refresh()
        return result


async def _call(request: Request) -> Call:
    return Call(request.app.state.winback, await authenticated(request))


Caller = Annotated[Call, Depends(_call)]


class StrictRequest(Request):
    """A request whose body is JSON as RFC 8259 has it: no NaN, no infinity, no lone surrogates, valid UTF-8; no NUL."""

    async def json(self) -> Any:
        """The decoded body, from the second time on as it was decoded the first time.

        Raises msgspec.DecodeError where it is no JSON, InvalidError where it holds what no database keeps.
        """
        if not hasattr(self, "_json"):
            body = await self.body()
            decoded = msgspec.json.decode(body)
            if b"\\u0000" in body and (faults := value_faults(decoded)):
                raise InvalidError(faults)
            self._json = decoded
        return self._json


class StrictRoute(APIRoute):
    """A FastAPI route that asks who calls before it reads anything else, and reads query and body strictly."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """The handler over a StrictRequest."""
        handle = super().get_route_handler()
        has_body = self.body_field is not None
        known = query_names(self)

        async def strict(plain: Request) -> Response:
            request = StrictRequest(plain.scope, plain.receive)
            # What is public is asked by probes, which add parameters of their own.
            if declared(self) != PUBLIC:
                await authenticated(request)
                refuse_unknown(request, known)
            if has_body and await request.body():
                await request.json()
            response: Response = await handle(request)
            return response

        return strict


def query_names(route: APIRoute) -> list[str]:
    """Query parameters that a route takes, those of its dependencies among them."""
    elsewhere = (params.Path, params.Header, params.Cookie)
    found = get_flat_params(route.dependant)
    return [field.alias for field in found if not isinstance(field.field_info, elsewhere)]


def refuse_unknown(request: Request, known: Sequence[str]) -> None:
    """Raise InvalidError for query parameters that are not known: ignored, they would answer another question."""
    remedy = f"known are {', '.join(known)}" if known else "this call takes none"
    unknown = [name for name in dict.fromkeys(request.query_params) if name not in known]
    if unknown:
        raise InvalidError([Fault("", f"query parameter {name}: not known here; {remedy}") for name in unknown])


def cold_router(tag: str) -> APIRouter:
    """A router of cold routes."""
    return APIRouter(route_class=StrictRoute, tags=[tag])
