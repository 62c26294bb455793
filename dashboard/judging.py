"""Calls that no page of ours sends are answered 4xx, before Dash and without a traceback for each.

What a call must have follows from what its callback declared. Values are the browser's, and may be anything: where a
callback stumbles over one, the call did not make sense either. The log then says where, with the traceback once for a
place, because the other cause of it is a fault of ours.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

import flask
import structlog
from dash import Dash
from flask import Flask, Response
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

CALLS = "/_dash-update-component"
_log = structlog.get_logger("winback.dashboard")
_STUMBLES = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError, SQLAlchemyError)


def install_judge(app: Dash) -> None:
    """Refuse what does not fit. Callers have been asked who they are before."""

    server: Flask = app.server

    @server.before_request
    def judge() -> Response | None:
        if flask.request.path != CALLS or flask.request.method != "POST":
            return None
        try:
            body = flask.request.get_json()
        except (HTTPException, RecursionError):
            return Response("This is no JSON.", 400)
        callback = _called(app, body)
        if callback is None:
            return Response("There is no such callback; reload the page.", 404)
        return None if _fits(body, callback) else Response("This does not fit the callback; reload the page.", 400)

    logged: set[tuple[str, str, int]] = set()
    for kind in _STUMBLES:
        app.server.register_error_handler(kind, _stumbled(logged))


def _stumbled(logged: set[tuple[str, str, int]]) -> Callable[[Exception], Response]:
    def answer(error: Exception) -> Response:
        if flask.request.path != CALLS:
            raise error
        place = _place(error)
        once = None if place in logged else error
        logged.add(place)
        _log.warning("a call made no sense", kind=place[0], file=place[1], line=place[2], exc_info=once)
        return Response("This makes no sense to the callback; reload the page.", 400)

    return answer


def _place(error: Exception) -> tuple[str, str, int]:
    """What was raised, in which file and line."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__, "", 0
    return type(error).__name__, trace.tb_frame.f_code.co_filename, trace.tb_lineno


def _called(app: Dash, body: Any) -> dict[str, Any] | None:
    """What Dash knows of the callback, if there is one and it runs here and not in the browser."""
    name = body.get("output") if isinstance(body, dict) else None
    known = app.callback_map.get(name) if isinstance(name, str) else None
    return known if known is not None and "callback" in known else None


def _fits(body: dict[str, Any], callback: dict[str, Any]) -> bool:
    """Whether the call has what the callback declared: each input, state and output by its id and property."""
    changed = body.get("changedPropIds", [])
    return (
        isinstance(changed, list)
        and all(isinstance(each, str) for each in changed)
        and _match(body.get("inputs", []), [(each["id"], each["property"]) for each in callback["inputs"]])
        and _match(body.get("state", []), [(each["id"], each["property"]) for each in callback["state"]])
        and _outputs_fit(body.get("outputs", []), callback)
    )


def _outputs_fit(told: Any, callback: dict[str, Any]) -> bool:
    if callback["no_output"]:
        return told in ([], None)
    several = isinstance(callback["output"], list)
    declared = callback["output"] if several else [callback["output"]]
    wanted = [(each.component_id_str(), each.component_property) for each in declared]
    return _match(told if several else [told], wanted)


def _match(told: Any, declared: Sequence[tuple[str, str]]) -> bool:
    if not isinstance(told, list) or len(told) != len(declared):
        return False
    return all(_is(each, _pattern(name), prop) for each, (name, prop) in zip(told, declared, strict=True))


def _is(told: Any, pattern: Any, prop: str) -> bool:
    """Whether this is the declared id with its property, or, for a pattern with ALL, a list of such."""
    if isinstance(told, list):
        return isinstance(pattern, dict) and all(isinstance(each, dict) and _is(each, pattern, prop) for each in told)
    if not isinstance(told, dict) or str(told.get("property")).partition("@")[0] != prop.partition("@")[0]:
        return False
    name = told.get("id")
    if not isinstance(pattern, dict):
        return bool(name == pattern)
    return (
        isinstance(name, dict)
        and name.keys() == pattern.keys()
        and all(_part_is(name[part], declared) for part, declared in pattern.items())
    )


def _part_is(told: Any, declared: Any) -> bool:
    """Part of an id: lists stand for wildcards, and ids have nothing but words and numbers."""
    return isinstance(told, str | int | float) if isinstance(declared, list) else bool(told == declared)


def _pattern(name: str) -> Any:
    """An id as it was declared: a word, or the parts of a pattern."""
    return json.loads(name) if name.startswith("{") else name
