"""The client that blocks; safe for threads."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Unpack

import httpx

from winback_client import calls
from winback_client.answers import Assignment, Decision, Outcome, Recorded, Voided, read
from winback_client.calls import Body, Call, Course, Extras
from winback_client.errors import AwayError, ClientError, RefusedError
from winback_client.options import Options
from winback_client.retrying import AGAIN, Attempts, Retrying, asked_wait

_ONCE = Retrying(attempts=1)


class Client:
    """Calls one service with one key. `http` replaces the transport, for tests and proxies."""

    def __init__(
        self, url: str, key: str, options: Options | None = None, http: httpx.BaseTransport | None = None
    ) -> None:
        self.options = options or Options()
        self._course = Course(self.options)
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=self.options.timeout,
            transport=http,
        )

    def assign(
        self, experiment: str, unit_id: str, context: Mapping[str, Any] | None = None, **extras: Unpack[Extras]
    ) -> Decision:
        """The unit's arm; the control with `fallback` set where the service is away. Raises RefusedError."""
        request, asked = Assignment(unit_id, context or {}, **extras), self._course.asked()
        found = self._unless_away(calls.assign_call(experiment, request))
        if found is None:
            return self._course.fall_back(experiment, [request])[0]
        return self._course.heard([read(Decision, found)], asked)[0]

    def assign_batch(self, experiment: str, requests: Sequence[Assignment]) -> list[Decision | RefusedError]:
        """An answer for each, in order; a row that the service refuses is its error. Raises RefusedError."""
        answers: list[Decision | RefusedError] = []
        for chunk in calls.chunks(requests):
            asked = self._course.asked()
            found = self._unless_away(calls.assign_batch_call(experiment, chunk))
            if found is None:
                answers += self._course.fall_back(experiment, chunk)
            else:
                answers += self._course.heard(calls.decisions_of(found, len(answers)), asked)
        return answers

    def record(self, outcomes: Outcome | Sequence[Outcome]) -> list[Recorded]:
        """Report what units did; repeating the same outcomes changes nothing. Raises AwayError, RefusedError."""
        rows = [outcomes] if isinstance(outcomes, Outcome) else outcomes
        self._course.reporting(rows)
        recorded: list[Recorded] = []
        for chunk in calls.chunks(rows):
            receipts = calls.recorded_of(self._document(calls.record_call(chunk)))
            recorded += self._course.reported(chunk, receipts)
        return recorded

    def void(self, decision_id: str, reason: str) -> Voided:
        """A decision was never delivered. Raises AwayError, RefusedError."""
        return read(Voided, self._document(calls.void_call(decision_id, reason)))

    def decision(self, decision_id: str) -> Body:
        """The whole record of a decision, with its outcomes. Raises AwayError, RefusedError."""
        return self._document(calls.decision_call(decision_id))

    def report_fallbacks(self) -> int:
        """Report what was answered while the service was away; how many. Raises AwayError, RefusedError."""
        return self._report(self.options.retrying)

    def close(self) -> None:
        """Try once more to report fallbacks, then let go of connections."""
        try:
            if len(self.options.memory) and not self._course.resting:
                self._report(_ONCE)
        except ClientError:
            pass
        finally:
            self._http.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _unless_away(self, call: Call) -> Body | None:
        """The answer; None where there is none, or was none a moment ago.

        Fallbacks are reported first: what a lost call decided unseen is void before the unit is asked for again.
        """
        if self._course.resting:
            return None
        try:
            self._report_in_passing()
            return self._document(call)
        except AwayError as away:
            self._course.rest(away.retry_after)
            return None

    def _report_in_passing(self) -> None:
        """One body, in one attempt: somebody waits for an arm. Raises AwayError."""
        waiting = self._course.to_report()
        if waiting:
            with suppress(RefusedError):
                self._document(calls.report_call(waiting), _ONCE)
                self.options.memory.forget(waiting)

    def _report(self, retrying: Retrying) -> int:
        memory, reported = self.options.memory, 0
        while waiting := memory.oldest(calls.MOST_ROWS):
            self._document(calls.report_call(waiting), retrying)
            memory.forget(waiting)
            reported += len(waiting)
        return reported

    def _document(self, call: Call, retrying: Retrying | None = None) -> Body:
        attempts = Attempts(retrying or self.options.retrying)
        while True:
            failure: httpx.Response | httpx.TransportError
            try:
                response = self._http.request(call.method, call.path, json=call.json)
            except httpx.TransportError as error:
                failure = error
            else:
                if response.status_code not in AGAIN:
                    return calls.document(response)
                failure = response
            wait = attempts.wait_after(failure)
            if wait is None:
                raise AwayError(f"no answer from the service: {failure!r}", asked_wait(failure))
            time.sleep(wait)
