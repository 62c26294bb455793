"""What the hot routes share: they are ASGI themselves, because request and response objects cost as much as a draw.

A route's endpoint answers its own errors, so that `Shortcut` may call it without the layers between the edge and the
router, which cost as much again. Every hot route is an ordinary route too: it is found, described and guarded there.
"""

from abc import abstractmethod
from collections.abc import Iterable
from typing import cast

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api.auth import address_of, authenticated, need_of
from api.credentials import read_whole
from api.errors import CUT_SHORT, answer_to, problem
from api.watching import note_refusal
from experiments.errors import WinbackError
from experiments.model.access.principal import Principal, require
from experiments.model.access.principal import Scope as Grant
from experiments.services.opening import Service

_JSON = (b"content-type", b"application/json")


class HotEndpoint:
    """An endpoint of a Starlette route: body in, JSON out. Its class declares the scope with `@needs`."""

    def __init__(self) -> None:
        self._scope = cast(Grant, need_of(self))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        try:
            service: Service = scope["app"].state.winback
            principal = service.gate.known(_authorization(scope), address_of(scope))
            if principal is None:
                principal = await authenticated(Request(scope, receive))
            require(principal, self._scope)
            answer = await self.answer(service, principal, scope, await read_whole(receive))
        except Exception as error:
            note_refusal(scope, error)
            refusal = _refusal(error)
            if refusal is None:
                raise
            await refusal(scope, receive, send)
            return
        length = (b"content-length", str(len(answer)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [_JSON, length]})
        await send({"type": "http.response.body", "body": answer})

    @abstractmethod
    async def answer(self, service: Service, principal: Principal, scope: Scope, body: bytes) -> bytes:
        """The JSON to answer with. Authorisation is the service's."""


class Shortcut:
    """Middleware that takes requests for `/v1/experiments/{key}/NAME` straight to the hot endpoint of that name."""

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute]) -> None:
        self._app = app
        self._endpoints = {
            route.path.removeprefix("/v1/experiments/{key}/"): route.endpoint
            for route in routes
            if isinstance(route, Route) and route.path.startswith("/v1/experiments/{key}/")
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        parts: list[str] = scope["path"].split("/") if scope["type"] == "http" else []
        if len(parts) == 5 and parts[1] == "v1" and parts[2] == "experiments" and scope["method"] == "POST":
            endpoint = self._endpoints.get(parts[4])
            if endpoint is not None and parts[3]:
                scope["path_params"] = {"key": parts[3]}
                scope["endpoint"] = endpoint
                await endpoint(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _refusal(error: Exception) -> Response | None:
    if isinstance(error, WinbackError):
        return answer_to(error)
    if isinstance(error, msgspec.DecodeError | UnicodeDecodeError | RecursionError):
        return problem(400, f"the body is not JSON: {error}")
    if isinstance(error, HTTPException):
        return problem(error.status_code, error.detail, (), error.headers)
    if isinstance(error, ClientDisconnect):
        return problem(400, CUT_SHORT)
    return None


def _authorization(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            return str(value, "latin-1")
    return None
