"""The description of the API: FastAPI's own, with the hot routes' Structs merged in."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute, Route

from experiments.model.designing.definition import Definition

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

_OPERATION = "winback_operation"
_PROBLEM_REF = {"$ref": "#/components/schemas/Problem"}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
_REFUSALS = {
    "400": "the request is not HTTP/1.1, or the body is not JSON",
    "401": "no or unknown credential",
    "403": "the credential lacks the scope",
    "404": "no such thing",
    "408": "the caller took too long to send it",
    "409": "the state of the thing forbids it",
    "413": "larger than the limits allow",
    "414": "the address is too long",
    "415": "the body is encoded by other means than gzip",
    "422": "the request makes no sense; every fault is named",
    "429": "the key calls more often than its rate limit allows; see Retry-After",
    "431": "the headers are too many or too large",
    "503": "the database is away; see Retry-After",
}


@dataclass(frozen=True, slots=True)
class Operation:
    """How a hot route is described. `body` and `answer` are msgspec types; `query` maps a name to its sentence."""

    summary: str
    answer: Any
    body: Any = None
    query: tuple[tuple[str, str], ...] = ()
    tag: str = "decisions"
    media_type: str = "application/json"


def described(operation: Operation) -> Callable[[Endpoint], Endpoint]:
    """Describe a Starlette endpoint: `@described(Operation("Assign an arm", Reply, Request))`."""

    def attach(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _OPERATION, operation)
        return endpoint

    return attach


def operation_of(route: BaseRoute) -> Operation | None:
    """The description of a hot route, where it has one."""
    return getattr(getattr(route, "endpoint", None), _OPERATION, None)


def install_openapi(app: FastAPI) -> None:
    """Let `/openapi.json` tell of the hot routes too, and of the problem documents."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            base = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
            app.openapi_schema = extend_openapi(base, app.routes)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # the documented way to extend it


def extend_openapi(document: dict[str, Any], routes: Iterable[BaseRoute]) -> dict[str, Any]:
    """Add every described hot route with its schemas, the problem document, and the way to authenticate."""
    hot = [(route, found) for route in routes if isinstance(route, Route) and (found := operation_of(route))]
    types = [kind for _, operation in hot for kind in (operation.body, operation.answer) if kind is not None]
    shapes, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    schema_of = dict(zip(map(id, types), shapes, strict=True))
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(components)
    schemas["Problem"] = _PROBLEM
    _add_definition(schemas)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for route, operation in hot:
        for method in sorted((route.methods or set()) - {"HEAD"}):
            document["paths"].setdefault(route.path, {})[method.lower()] = _describe(route, operation, schema_of)
    document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"key": []}]
    for operations in document["paths"].values():
        for each in operations.values():
            _add_refusals(each["responses"])
    return document


def _add_definition(schemas: dict[str, Any]) -> None:
    """Definitions are read by the services, so that every fault is named at once; FastAPI does not see their type."""
    definition = Definition.model_json_schema(ref_template="#/components/schemas/{model}")
    for name, part in definition.pop("$defs", {}).items():
        schemas.setdefault(name, part)
    schemas["Definition"] = definition


def _describe(route: Route, operation: Operation, schema_of: dict[int, dict[str, Any]]) -> dict[str, Any]:
    text = {"type": "string"}
    path = [{"name": name, "in": "path", "required": True, "schema": text} for name in route.param_convertors]
    query = [
        {"name": name, "in": "query", "description": sentence, "schema": text} for name, sentence in operation.query
    ]
    described: dict[str, Any] = {
        "summary": operation.summary,
        "description": (route.endpoint.__doc__ or "").strip(),
        "operationId": f"{route.name}_{'_'.join(route.param_convertors)}".rstrip("_"),
        "tags": [operation.tag],
        "parameters": [*path, *query],
        "responses": {
            "200": {"description": "OK", "content": {operation.media_type: {"schema": schema_of[id(operation.answer)]}}}
        },
    }
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": _json(schema_of[id(operation.body)])}
    return described


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _add_refusals(responses: dict[str, Any]) -> None:
    for status, sentence in _REFUSALS.items():
        content = {"application/problem+json": {"schema": _PROBLEM_REF}}
        responses[status] = {"description": sentence, "content": content}
