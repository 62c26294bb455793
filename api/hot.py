"""What the hot routes share: they are ASGI themselves, because request and response objects cost as much as a draw."""

from abc import abstractmethod

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from api.auth import authenticated, permit
from experiments.model.principal import Principal
from experiments.services.opening import Service

_JSON = (b"content-type", b"application/json")


class HotEndpoint:
    """An endpoint of a Starlette route: body in, JSON out. Errors are left to the application's handlers."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        service: Service = scope["app"].state.winback
        principal = service.gate.known(_authorization(scope)) or await authenticated(Request(scope, receive))
        permit(self, principal)
        answer = await self.answer(service, principal, scope, await _body(receive))
        length = (b"content-length", str(len(answer)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [_JSON, length]})
        await send({"type": "http.response.body", "body": answer})

    @abstractmethod
    async def answer(self, service: Service, principal: Principal, scope: Scope, body: bytes) -> bytes:
        """The JSON to answer with. Authorisation is the service's."""


def _authorization(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            return str(value, "latin-1")
    return None


async def _body(receive: Receive) -> bytes:
    message = await receive()
    if not message.get("more_body", False):
        return bytes(message.get("body", b""))
    parts = [message.get("body", b"")]
    while message.get("more_body", False):
        message = await receive()
        parts.append(message.get("body", b""))
    return b"".join(parts)
