"""The outermost layer, as pure ASGI (a BaseHTTPMiddleware would cost half the throughput of the hot path)."""

import itertools
import secrets
import time

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem
from api.headers import POLICY, SECURITY
from api.inflating import inflated
from api.refusals import too_large

REQUEST_ID = b"x-request-id"
_log = structlog.get_logger("winback.access")


class Edge:
    """Refuses bodies over the limit, unzips them, gives every reply a request id and, where asked, logs the access."""

    def __init__(self, app: ASGIApp, max_body: int, access_log: bool) -> None:
        self._app = app
        self._max_body = max_body
        self._access_log = access_log
        # Unique enough to find a line in a log, and a hundred times cheaper than a UUID.
        self._prefix = secrets.token_hex(6)
        self._counter = itertools.count()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        reply = _Reply(send, f"{self._prefix}-{next(self._counter):x}".encode())
        length, encoding = _framing(scope)
        if length is None:
            receive = _limited(receive, self._max_body)
        if encoding is not None:
            receive = inflated(receive, encoding, self._max_body)
        if length is not None and not 0 <= length <= self._max_body:
            await problem(413, too_large(self._max_body))(scope, receive, reply)
        elif self._access_log:
            await self._logged(scope, receive, reply)
        else:
            await self._app(scope, receive, reply)

    async def _logged(self, scope: Scope, receive: Receive, reply: "_Reply") -> None:
        started = time.perf_counter()
        try:
            await self._app(scope, receive, reply)
        except Exception:
            reply.status = reply.status or 500  # the answer is made further out, where nobody logs the access
            raise
        finally:
            _log.info(
                "request",
                method=scope["method"],
                path=_loggable_path(scope),
                status=reply.status,
                milliseconds=round((time.perf_counter() - started) * 1000, 2),
                request_id=reply.request_id.decode(),
            )


class _Reply:
    """A `send` that adds the request id and what browsers are told, and remembers the status."""

    __slots__ = ("_send", "request_id", "status")

    def __init__(self, send: Send, request_id: bytes) -> None:
        self._send = send
        self.request_id = request_id
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = int(message["status"])  # an HTTPStatus would be logged by its name
            headers = message.get("headers", ())
            security = SECURITY
            for name, _ in headers:
                if name == POLICY:
                    security = SECURITY[:-1]
            message["headers"] = [*headers, *security, (REQUEST_ID, self.request_id)]
        await self._send(message)


def _loggable_path(scope: Scope) -> str:
    """The path; where it names a person, the route's instead, so that erasing the person leaves no log behind."""
    if "unit_id" in scope.get("path_params", ()):
        return str(scope["route"].path_format)
    return str(scope["path"])


def _framing(scope: Scope) -> tuple[int | None, bytes | None]:
    """The content length, which the server holds the caller to (None where the body comes in chunks); its encoding."""
    length, chunked, encoding = None, False, None
    for name, value in scope["headers"]:
        if name == b"content-length":
            length = int(value) if value.isdigit() else -1
        elif name == b"transfer-encoding":
            chunked = True
        elif name == b"content-encoding":
            encoding = value
    return (0 if length is None and not chunked else length), encoding


def _limited(receive: Receive, limit: int) -> Receive:
    seen = 0

    async def receive_limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise HTTPException(413, too_large(limit))
        return message

    return receive_limited
