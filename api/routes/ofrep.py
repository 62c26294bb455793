"""The OpenFeature Remote Evaluation Protocol: flags are experiments, the targeting key is the unit.

The flag `KEY` has the arm's key as its value, `KEY:payload` the arm's payload, `KEY:reward_amount` its amount.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.auth import authenticated, needs
from api.credentials import header_of, with_bearer
from api.errors import STATUS, answer_to
from api.openapi import Operation, described
from api.routes.metrics import DECISIONS
from api.schemas.ofrep import ErrorCode, Evaluation, EvaluationFailure, EvaluationRequest, Evaluations
from experiments.errors import InvalidError, NotFoundError, UnavailableError, WinbackError
from experiments.model.access.principal import Principal
from experiments.services.deciding.messages import Decision
from experiments.services.evaluating import Subject, evaluate, evaluate_all, subject_of
from experiments.services.opening import Service

ASPECTS: dict[str, Callable[[Decision], Any]] = {
    "": lambda decision: decision.arm,
    "payload": lambda decision: decision.payload or {},
    "reward_amount": lambda decision: float(decision.reward_amount or 0.0),
}
"""What a flag's value can be, by what stands behind the colon of its key."""

_METADATA = {
    "decision_id": "decision_id",
    "experiment": "experiment",
    "revision": "revision",
    "variant": "experiment_variant",
    "propensity": "propensity",
    "mode": "mode",
    "event_type": "event_type",
    "reward_kind": "reward_kind",
    "reward_amount": "reward_amount",
    "snapshot_id": "snapshot_id",
    "epoch": "epoch",
    "attempt": "attempt",
}
_OVER = ("paused", "ended")
_encode = msgspec.json.Encoder().encode
_read = msgspec.json.Decoder(EvaluationRequest).decode
Answer = Callable[[Service, Principal, Subject], Awaitable[Response]]


@described(Operation("Evaluate one flag", Evaluation, EvaluationRequest, tag="ofrep"))
@needs("assign")
async def evaluate_flag(request: Request) -> Response:
    """Decide for the unit that the targeting key names; the same decision as `POST …/assignments` gives it."""
    flag = request.path_params["key"]

    async def answer(service: Service, principal: Principal, subject: Subject) -> Response:
        key, _, aspect = flag.partition(":")
        if aspect not in ASPECTS:
            raise NotFoundError(f"a flag is KEY or KEY:ASPECT, where ASPECT is one of {', '.join(list(ASPECTS)[1:])}")
        decision = await evaluate(service.hot, principal, key, subject)
        DECISIONS.labels(decision.reason).inc()
        return _json(_evaluation(flag, decision, ASPECTS[aspect]))

    return await _answered(request, answer, flag)


@described(Operation("Evaluate every flag", Evaluations, EvaluationRequest, tag="ofrep"))
@needs("assign")
async def evaluate_flags(request: Request) -> Response:
    """The unit's open decisions as flags; drawn is only for experiments with `"ofrep_bulk": true`.

    With an ETag; `If-None-Match` is answered by 304 where nothing has changed since.
    """

    async def answer(service: Service, principal: Principal, subject: Subject) -> Response:
        found = await evaluate_all(service.hot, principal, subject)
        if any(isinstance(each, UnavailableError) for each in found.values()):
            raise UnavailableError("the database is away; try again")
        body = _encode({"flags": [_either(key, each) for key, each in found.items()]})
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        if _matches(request.headers.get("if-none-match"), tag):
            return Response(status_code=304, headers={"ETag": tag})
        return Response(body, 200, {"ETag": tag}, media_type="application/json")

    return await _answered(request, answer)


routes = [
    Route("/ofrep/v1/evaluate/flags", evaluate_flags, methods=["POST"], name="evaluate_flags"),
    Route("/ofrep/v1/evaluate/flags/{key}", evaluate_flag, methods=["POST"], name="evaluate_flag"),
]


async def _answered(request: Request, answer: Answer, flag: str | None = None) -> Response:
    """Every refusal in the protocol's own form, but for who may not call: there it has none."""
    key = header_of(request.scope, b"x-api-key")
    if key is not None and "authorization" not in request.headers:
        request = Request(with_bearer(request.scope, key.decode("latin-1")), request.receive)
    principal = await authenticated(request)
    try:
        asked = _read(await request.body())
        return await answer(request.app.state.winback, principal, subject_of(asked.context))
    except msgspec.ValidationError as error:
        return _refusal(400, EvaluationFailure("INVALID_CONTEXT", str(error)), flag)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _refusal(400, EvaluationFailure("PARSE_ERROR", f"the body is not an evaluation request: {error}"), flag)
    except WinbackError as error:
        return _refusal(*_told(error), flag, error)


def _told(error: WinbackError) -> tuple[int, EvaluationFailure]:
    """Status and body of an error: what the protocol has no status for is a bad request."""
    status = int(STATUS[type(error)])
    if isinstance(error, InvalidError):
        missing = any(fault.pointer == "/targetingKey" for fault in error.faults)
        code: ErrorCode = "TARGETING_KEY_MISSING" if missing else "INVALID_CONTEXT"
        return 400, EvaluationFailure(code, str(error))
    if isinstance(error, NotFoundError):
        return 404, EvaluationFailure("FLAG_NOT_FOUND", str(error))
    return (status if status in (401, 403, 429, 503) else 400), EvaluationFailure("GENERAL", str(error))


def _refusal(status: int, failure: EvaluationFailure, flag: str | None, error: WinbackError | None = None) -> Response:
    if error is not None and status in (401, 403):
        return answer_to(error)
    if flag is not None:
        failure.key = flag[:200]
    retry_after = getattr(error, "retry_after", None)
    return _json(failure, status, {} if retry_after is None else {"Retry-After": str(retry_after)})


def _either(key: str, found: Decision | WinbackError) -> Any:
    if isinstance(found, Decision):
        return _evaluation(key, found, ASPECTS[""])
    _, failure = _told(found)
    return {"key": key, "errorCode": failure.error_code, "errorDetails": failure.error_details}


def _evaluation(flag: str, decision: Decision, value: Callable[[Decision], Any]) -> Evaluation:
    if not decision.assigned or decision.withheld:
        refused = decision.withheld or decision.reason
        why: dict[str, Any] = {"experiment": decision.experiment, "winback_reason": refused}
        return Evaluation(flag, "DISABLED" if decision.reason in _OVER else "DEFAULT", "default", why)
    found = {name: getattr(decision, attribute) for attribute, name in _METADATA.items()}
    metadata: dict[str, Any] = {name: given for name, given in found.items() if given is not None}
    if decision.expires_at is not None:
        metadata["expires_at"] = decision.expires_at.isoformat()
    reason: Literal["TARGETING_MATCH", "SPLIT"] = "TARGETING_MATCH" if decision.mode == "forced" else "SPLIT"
    return Evaluation(flag, reason, str(decision.arm), metadata, value(decision))


def _matches(given: str | None, tag: str) -> bool:
    """Whether an If-None-Match names the tag (RFC 9110, weak comparison)."""
    if given is None:
        return False
    listed = [each.strip().removeprefix("W/") for each in given.split(",")]
    return "*" in listed or tag in listed


def _json(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(_encode(content), status, headers, media_type="application/json")
