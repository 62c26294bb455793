"""What both clients share and neither awaits: requests, how answers are read, and what is done when there is none."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice
from threading import Lock
from typing import Any, NamedTuple, TypedDict, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx

from winback_client.answers import Assignment, Decision, Outcome, Recorded, read
from winback_client.errors import AwayError, RefusedError
from winback_client.fallbacks import Exposure
from winback_client.options import Options
from winback_client.retrying import AGAIN

MOST_ROWS = 1000
"""Rows of one body."""

MOST_REST = 300.0
"""Seconds for which a service may ask to be left alone."""

SUPPRESSED = "suppressed"
ERASED = "erased"
LEFT_ALONE = (SUPPRESSED, ERASED)
"""Reasons for which nobody may contact a unit, now or ever."""
UNSUBSCRIBE = "unsubscribe"
"""The kind of outcome after which the service contacts a unit no more."""
MOST_DECIDED = 100_000
"""Decisions whose units a client remembers, for outcomes that name their decision alone."""

Body = Mapping[str, Any]
Answer = TypeVar("Answer")


class Extras(TypedDict, total=False):
    """What else a request for an arm may have; see Assignment."""

    idempotency_key: str
    at: datetime
    arm: str


class Call(NamedTuple):
    """One request, repeatable without harm."""

    method: str
    path: str
    json: Any = None


class Course:
    """What a client knows of the service's health, and the fallbacks that follow from it."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._away_until = 0.0
        self._report_at = 0.0
        self._lock = Lock()
        self._units: dict[str, str] = {}

    @property
    def resting(self) -> bool:
        """Whether the service was away a moment ago."""
        return time.monotonic() < self._away_until

    def rest(self, asked: float = 0.0) -> None:
        """The service gave no answer: leave it alone for a while, and as long as it asked for, within reason."""
        self._away_until = time.monotonic() + max(self.options.rest, min(asked, MOST_REST))

    def asked(self) -> int:
        """The place of a question in the order of what is known of units, for `heard`."""
        return self.options.memory.left_alone.now()

    def heard(self, answers: list[Answer], asked: int) -> list[Answer]:
        """The same answers; whom nobody may contact is remembered for when the service is away."""
        decisions = [each for each in answers if isinstance(each, Decision)]
        left_alone = [each.reason in LEFT_ALONE or each.withheld is not None for each in decisions]
        known = self.options.memory.left_alone
        known.add(each.unit_id for each, alone in zip(decisions, left_alone, strict=True) if alone)
        known.remove((each.unit_id for each, alone in zip(decisions, left_alone, strict=True) if not alone), asked)
        self._decided(decisions)
        return answers

    def reporting(self, outcomes: Sequence[Outcome]) -> None:
        """Whoever unsubscribed is left alone from now on, whether or not the service hears of it."""
        self.options.memory.left_alone.add(self._unsubscribed(outcomes), until_told=True)

    def reported(self, outcomes: Sequence[Outcome], recorded: list[Recorded]) -> list[Recorded]:
        """The same receipts; the service knows now who unsubscribed, and says who was erased."""
        known = self.options.memory.left_alone
        known.add(self._unsubscribed(outcomes))
        answered = zip(outcomes, recorded, strict=False)
        known.add(each.unit_id for each, told in answered if each.unit_id and told.outcome_class == ERASED)
        return recorded

    def fall_back(self, experiment: str, requests: Iterable[Assignment]) -> list[Decision]:
        """The control for each, remembered; nothing for whom nobody may contact, as far as this client was told."""
        asked, arm, known = list(requests), self.options.control_of(experiment), self.options.memory.left_alone
        shown = [each.unit_id not in known for each in asked]
        exposures = [_exposure(experiment, arm, each) for each, is_shown in zip(asked, shown, strict=True) if is_shown]
        self.options.memory.remember(exposures)
        payload = self.options.payloads.get(experiment)
        return [
            Decision(experiment, each.unit_id, True, "fallback", arm, fallback=True, payload=payload)
            if is_shown
            else Decision(experiment, each.unit_id, False, SUPPRESSED, fallback=True)
            for each, is_shown in zip(asked, shown, strict=True)
        ]

    def _decided(self, decisions: Iterable[Decision]) -> None:
        with self._lock:
            self._units.update((each.decision_id, each.unit_id) for each in decisions if each.decision_id is not None)
            for name in list(islice(self._units, max(0, len(self._units) - MOST_DECIDED))):
                del self._units[name]

    def _unsubscribed(self, outcomes: Sequence[Outcome]) -> list[str]:
        """The units by name, or by a decision that this client was answered."""
        named = [
            each.unit_id or self._units.get(each.decision_id or "") for each in outcomes if each.kind == UNSUBSCRIBE
        ]
        return [unit for unit in named if unit is not None]

    def to_report(self) -> list[Exposure]:
        """Fallbacks to report before the next question; after a refusal none for `rest` seconds."""
        moment = time.monotonic()
        if not len(self.options.memory) or moment < self._report_at:
            return []
        self._report_at = moment + self.options.rest
        return self.options.memory.oldest(MOST_ROWS)


def assign_call(experiment: str, request: Assignment) -> Call:
    """Ask for one arm."""
    return Call("POST", f"/v1/experiments/{quote(experiment, safe='')}/assignments", request.as_json())


def assign_batch_call(experiment: str, requests: Sequence[Assignment]) -> Call:
    """Ask for many."""
    rows = {"assignments": [each.as_json() for each in requests]}
    return Call("POST", f"/v1/experiments/{quote(experiment, safe='')}/assignments/batch", rows)


def record_call(outcomes: Sequence[Outcome]) -> Call:
    """Report outcomes."""
    return Call("POST", "/v1/outcomes", {"outcomes": [each.as_json() for each in outcomes]})


def void_call(decision_id: str, reason: str) -> Call:
    """Void one decision."""
    return Call("POST", f"/v1/decisions/{quote(decision_id, safe='')}/void", {"reason": reason})


def decision_call(decision_id: str) -> Call:
    """The whole record of one decision."""
    return Call("GET", f"/v1/decisions/{quote(decision_id, safe='')}")


def report_call(exposures: Sequence[Exposure]) -> Call:
    """Report what was answered while the service was away."""
    return Call("POST", "/v1/exposures/fallback", {"exposures": [asdict(each) for each in exposures]})


def document(response: httpx.Response) -> Body:
    """The answer's document. Raises RefusedError, AwayError."""
    if response.status_code in AGAIN:
        raise AwayError(f"the service answers {response.status_code}")
    try:
        found = response.json()
    except ValueError as error:
        raise AwayError("what answers is not the service: no JSON") from error
    if not isinstance(found, dict):
        raise AwayError("what answers is not the service: no JSON object")
    if not response.is_success:
        raise RefusedError(response.status_code, found)
    return found


def decisions_of(found: Body, first: int) -> list[Decision | RefusedError]:
    """The rows of a batch, in order; one that was refused is its error. `first` is the place of the first one."""
    return [
        RefusedError(int(row["status"]), row, place) if "assigned" not in row else read(Decision, row)
        for place, row in enumerate(found["results"], start=first)
    ]


def recorded_of(found: Body) -> list[Recorded]:
    """The rows of a receipt, in order."""
    return [read(Recorded, row) for row in found["results"]]


def chunks(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Rows in bodies that the service takes."""
    for start in range(0, len(rows), MOST_ROWS):
        yield rows[start : start + MOST_ROWS]


def _exposure(experiment: str, arm: str, request: Assignment) -> Exposure:
    at = request.at or datetime.now(UTC)
    return Exposure(
        uuid4().hex,
        experiment,
        request.unit_id,
        arm,
        at.isoformat(),
        request.idempotency_key,
    )
