"""One table from error class to status, and the problem documents (RFC 9457) that callers see.

Nothing of an unexpected error leaves the service: it is logged, and the caller gets a bare 500.
"""

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from itertools import islice
from json import JSONDecodeError
from typing import Any

import msgspec
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from api.watching import note_refusal
from experiments import errors
from experiments.errors import Fault, InvalidError, WinbackError
from experiments.model.designing.wording import in_words

STATUS: dict[type[WinbackError], HTTPStatus] = {
    errors.NotFoundError: HTTPStatus.NOT_FOUND,
    errors.ConflictError: HTTPStatus.CONFLICT,
    errors.PreconditionFailedError: HTTPStatus.PRECONDITION_FAILED,
    errors.InvalidError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.UnauthenticatedError: HTTPStatus.UNAUTHORIZED,
    errors.ForbiddenError: HTTPStatus.FORBIDDEN,
    errors.TooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.TooManyError: HTTPStatus.TOO_MANY_REQUESTS,
    errors.LeaseLostError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.BrokerAwayError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.LimitLeaseLostError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.StoppedError: HTTPStatus.CONFLICT,
    errors.SupersededError: HTTPStatus.CONFLICT,
}

MAX_FAULTS = 1000
CUT_SHORT = "the body ended before it was complete"

_encode = msgspec.json.Encoder().encode
_PATH_PART = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_log = structlog.get_logger("winback.api")


def problem(
    status: int, detail: str, faults: Iterable[Fault] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """A problem document as a response."""
    return Response(
        _encode(problem_document(status, detail, faults)), status, headers, media_type="application/problem+json"
    )


def problem_document(status: int, detail: str, faults: Iterable[Fault] = ()) -> dict[str, Any]:
    """`{type, title, status, detail, errors?}`; `errors` has a JSON pointer and a sentence for each fault.

    A body of ten thousand faults is answered with the first MAX_FAULTS; `detail` counts them all.
    """
    title = HTTPStatus(status).phrase
    kind = f"urn:winback:problem:{title.lower().replace(' ', '-')}"
    document: dict[str, Any] = {"type": kind, "title": title, "status": int(status), "detail": detail}
    listed = [{"pointer": fault.pointer, "detail": fault.detail} for fault in islice(faults, MAX_FAULTS)]
    return {**document, "errors": listed} if listed else document


def answer_to(error: WinbackError) -> Response:
    """The problem document of one of our own errors."""
    status = STATUS[type(error)]
    headers: dict[str, str] = {}
    if isinstance(error, errors.UnauthenticatedError):
        headers["WWW-Authenticate"] = "Bearer"
    if status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}:
        headers["Retry-After"] = str(getattr(error, "retry_after", 1))
    if isinstance(error, InvalidError):
        return problem(status, f"{len(error.faults)} fault(s) in the request", error.faults, headers)
    return problem(status, str(error), (), headers)


def msgspec_fault(error: msgspec.ValidationError) -> Fault:
    """msgspec writes the place into its sentence (`Expected str - at $.a[0].b`): take it out as a pointer."""
    sentence, _, path = str(error).partition(" - at `")
    known, _, _ = path.removesuffix("`").partition("[...]")
    parts = [name or index for name, index in _PATH_PART.findall(known)]
    return Fault("".join(f"/{part}" for part in parts), in_words(sentence))


def pydantic_faults(found: Iterable[Mapping[str, Any]]) -> list[Fault]:
    """FastAPI's findings: places in the body as pointers, other places named in the sentence."""
    return [_pydantic_fault(each) for each in found]


def _pydantic_fault(found: Mapping[str, Any]) -> Fault:
    where, *path = found["loc"]
    if where == "body":
        escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in path)
        return Fault("".join(f"/{part}" for part in escaped), in_words(found["msg"]))
    return Fault("", f"{where} parameter {'.'.join(map(str, path))}: {in_words(found['msg'])}")


async def _on_winback(request: Request, error: WinbackError) -> Response:
    note_refusal(request.scope, error)
    return answer_to(error)


async def _on_invalid(_: Request, error: RequestValidationError) -> Response:
    return answer_to(InvalidError(pydantic_faults(error.errors())))


async def _on_msgspec(_: Request, error: msgspec.ValidationError) -> Response:
    return answer_to(InvalidError([msgspec_fault(error)]))


async def _on_malformed(_: Request, error: Exception) -> Response:
    return problem(HTTPStatus.BAD_REQUEST, f"the body is not JSON: {error}")


async def _on_http(_: Request, error: HTTPException) -> Response:
    return problem(error.status_code, error.detail, (), error.headers)


async def _on_cut_short(*_: object) -> Response:
    return problem(HTTPStatus.BAD_REQUEST, CUT_SHORT)


async def _on_anything(request: Request, error: Exception) -> Response:
    _log.error("unexpected error", path=request.url.path, method=request.method, exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "something went wrong here; it has been logged")


def install_error_handlers(app: FastAPI) -> None:
    """Every error that leaves a route becomes a problem document."""
    # Starlette types its handlers as if each took every exception.
    own: dict[type[Exception], Any] = {
        WinbackError: _on_winback,
        RequestValidationError: _on_invalid,
        msgspec.ValidationError: _on_msgspec,
        HTTPException: _on_http,
    }
    for kind, handler in own.items():
        app.add_exception_handler(kind, handler)
    for malformed in (msgspec.DecodeError, JSONDecodeError, UnicodeDecodeError, RecursionError):
        app.add_exception_handler(malformed, _on_malformed)
    app.add_exception_handler(ClientDisconnect, _on_cut_short)
    app.add_exception_handler(Exception, _on_anything)
