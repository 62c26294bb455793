"""The routes that campaign systems call thousands of times a second."""

from collections.abc import Sequence
from functools import partial
from http import HTTPStatus
from time import perf_counter
from typing import get_args
from urllib.parse import parse_qsl

import msgspec
from starlette.routing import Route
from starlette.types import Scope

from api.auth import in_time, needs
from api.errors import STATUS, problem_document
from api.hot import HotEndpoint
from api.openapi import Operation, described
from api.routes.metrics import DECISIONS, REFUSALS, SECONDS
from api.schemas.assignments import Assignment, AssignmentBatch, ClockAdvance, ClockReading, Decision, DecisionBatch
from api.schemas.rows import read_body, read_rows, rows_of
from experiments.errors import Fault, InvalidError, UnavailableError, WinbackError
from experiments.model.access.principal import Principal
from experiments.model.times import to_datetime, to_micros
from experiments.services.clocking import advance_clock
from experiments.services.deciding.batch import checked_instant
from experiments.services.deciding.messages import Reason
from experiments.services.opening import Service

_PREVIEW = ("preview", "true: compute, and store nothing")
_assignment = msgspec.json.Decoder(Assignment)
_advance = msgspec.json.Decoder(ClockAdvance)
_encode = msgspec.json.Encoder().encode
_counted = {reason: DECISIONS.labels(reason) for reason in get_args(Reason)}


@described(Operation("Assign an arm to a unit", Decision, Assignment, query=(_PREVIEW,)))
@needs("assign")
class Assign(HotEndpoint):
    """Decide for one unit. The reply is sent once the decision is committed; a retry gets the same decision."""

    async def answer(self, service: Service, principal: Principal, scope: Scope, body: bytes) -> bytes:
        """See HotEndpoint."""
        began = perf_counter()
        request = read_body(_assignment, body)
        preview = bool(scope["query_string"]) and _previews(scope["query_string"])
        try:
            decision = await service.hot.decider.decide(
                principal, scope["path_params"]["key"], request, preview=preview
            )
        except WinbackError as error:
            REFUSALS.labels(int(STATUS[type(error)])).inc()
            raise
        if not preview:
            _counted[decision.reason].inc()
            SECONDS.observe(perf_counter() - began)
        return _encode(decision)


@described(Operation("Assign arms to up to 1,000 units", DecisionBatch, AssignmentBatch))
@needs("assign")
class AssignMany(HotEndpoint):
    """Decide for many units, answered in order. A row that is refused is answered by its problem, and alone."""

    async def answer(self, service: Service, principal: Principal, scope: Scope, body: bytes) -> bytes:
        """See HotEndpoint."""
        if scope["query_string"]:
            raise InvalidError([Fault("", "query parameters: this call takes none; preview units one by one")])
        rows = rows_of(body, "assignments")
        if rows is None:
            raise InvalidError([Fault("", 'must be a list of requests, or {"assignments": [...]}')])
        service.gate.charge(principal, len(rows) - 1)
        read = [InvalidError(row) if isinstance(row, list) else row for row in read_rows(_assignment, rows)]
        answers = await service.hot.decider.decide_many(principal, scope["path_params"]["key"], read)
        return _encode({"results": [_result(each) for each in _whole(answers)]})


@described(Operation("Advance the caller's clock", ClockReading, ClockAdvance))
@needs("assign")
class Clock(HotEndpoint):
    """Move the clock of an experiment that runs on the caller's, so that what is open can mature."""

    async def answer(self, service: Service, principal: Principal, scope: Scope, body: bytes) -> bytes:
        """See HotEndpoint."""
        wish, key = read_body(_advance, body), scope["path_params"]["key"]
        at = checked_instant(to_micros(wish.at))
        advance = partial(advance_clock, service.engine, principal, key, at, confirmed=wish.confirm)
        stands = await in_time(service, advance)
        return _encode(ClockReading(key, to_datetime(stands)))


routes = [
    Route("/v1/experiments/{key}/assignments", Assign(), methods=["POST"], name="assign"),
    Route("/v1/experiments/{key}/assignments/batch", AssignMany(), methods=["POST"], name="assign_many"),
    Route("/v1/experiments/{key}/clock", Clock(), methods=["POST"], name="advance_clock"),
]


def _previews(query: bytes) -> bool:
    values = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    value = values.pop("preview", "false")
    if values or value not in ("true", "false", "1", "0"):
        raise InvalidError([Fault("", "query parameters: preview=true or preview=false, nothing else")])
    return value in ("true", "1")


def _whole(answers: Sequence[Decision | Exception]) -> Sequence[Decision | Exception]:
    """Where the database went away the call as a whole is to be tried again: what was decided is then repeated."""
    for answer in answers:
        if isinstance(answer, UnavailableError):
            raise answer
    return answers


def _result(answer: Decision | Exception) -> object:
    if isinstance(answer, Decision):
        _counted[answer.reason].inc()
        return answer
    status = STATUS[type(answer)] if isinstance(answer, WinbackError) else HTTPStatus.INTERNAL_SERVER_ERROR
    REFUSALS.labels(int(status)).inc()
    if isinstance(answer, InvalidError):
        return problem_document(status, f"{len(answer.faults)} fault(s) in this row", answer.faults)
    known = isinstance(answer, WinbackError)
    return problem_document(status, str(answer) if known else "something went wrong here; it has been logged")
