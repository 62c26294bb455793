"""One seed: every row of a log through the HTTP API, the learner waited for after every chunk."""

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cli.client import Client
from cli.console import Advance
from cli.driving.experiment import VARIANT, WINDOW_SECONDS
from cli.driving.rows import EARLIEST, Play, chunks
from cli.errors import JobError

CHUNK = 200
"""Rows between two waits for the learner."""

MOST_OUTCOMES = 1000
"""Outcomes in one body."""

WAIT_SECONDS, LOOK_EVERY = 60.0, 0.004
VOID_REASON = "replay_rejected"
_FIRST = datetime.fromtimestamp(EARLIEST, UTC)
_TICK = timedelta(microseconds=1)
_PAUSE = timedelta(days=365)
"""In the log's own times, from which on the service wants to hear that the next instant is meant."""


class Player:
    """Plays rows against one experiment that runs on the caller's clock."""

    def __init__(self, client: Client, key: str) -> None:
        self._client = client
        self._path = f"/v1/experiments/{key}"
        self._key = key
        self._clock = _FIRST
        self.rewards: list[float] = []
        self.first_half = 0

    def play(self, rows: Sequence[Play], advance: Advance) -> None:
        """Play every row; `rewards` then holds the logged rewards of the matched ones."""
        half, done = len(rows) // 2, 0
        for chunk in chunks(rows, CHUNK):
            matched = self._play_chunk(chunk)
            self.rewards += [play.reward for play in matched]
            first = {id(play) for play in chunk[: max(half - done, 0)]}
            self.first_half += sum(id(play) in first for play in matched)
            done += len(chunk)
            advance(len(chunk))

    def _play_chunk(self, chunk: Sequence[Play]) -> list[Play]:
        instants = self._instants(chunk)
        if instants[0] - self._clock > _PAUSE:
            self._client.post(f"{self._path}/clock", {"at": instants[0], "confirm": True})
        decisions = self._decide(chunk, instants)
        pairs = list(zip(chunk, decisions, strict=True))
        rejected = [decision for play, decision in pairs if not _matches(play, decision)]
        if rejected:
            self._client.post("/v1/decisions/void", {"decisions": [_void(each["decision_id"]) for each in rejected]})
        kept = [(play, decision) for play, decision in pairs if _matches(play, decision)]
        outcomes = [outcome for play, decision in kept for outcome in self._outcomes(play, decision)]
        for start in range(0, len(outcomes), MOST_OUTCOMES):
            self._report(outcomes[start : start + MOST_OUTCOMES])
        self._mature(instants[-1])
        return [play for play, _ in kept]

    def _instants(self, chunk: Sequence[Play]) -> list[datetime]:
        """When each row's decision falls: in the log's order, all of a chunk within one window.

        The clock stands at the chunk's first row while it is played: were it to follow the log's times, the first
        decisions could mature before their outcomes are sent.
        """
        at = chunk[0].at
        start = self._clock if at is None else max(self._clock, datetime.fromtimestamp(at, UTC))
        return [start + number * _TICK for number in range(len(chunk))]

    def _decide(self, chunk: Sequence[Play], instants: Sequence[datetime]) -> list[dict[str, Any]]:
        body = [
            {"unit_id": play.unit, "context": play.context, "idempotency_key": str(play.row), "at": instant}
            for play, instant in zip(chunk, instants, strict=True)
        ]
        answers = self._client.post(f"{self._path}/assignments/batch", {"assignments": body})["results"]
        for play, answer in zip(chunk, answers, strict=True):
            if not answer.get("assigned"):
                raise JobError(f"row {play.row + 1} got no arm: {answer.get('reason') or answer}")
        return list(answers)

    def _outcomes(self, play: Play, decision: dict[str, Any]) -> Iterable[dict[str, Any]]:
        for metric, value in play.outcomes.items():
            if value:
                yield {
                    "event_id": f"{play.row}/{metric}",
                    "source": self._key,
                    "decision_id": decision["decision_id"],
                    "kind": metric,
                    "value": value,
                    "occurred_at": decision["decided_at"],
                }

    def _report(self, outcomes: Sequence[dict[str, Any]]) -> None:
        answers = self._client.post("/v1/outcomes", outcomes)["results"]
        refused = [answer for answer in answers if answer["class"] not in ("accepted", "duplicate")]
        if refused:
            raise JobError(f"the service did not take an outcome: {refused[0]}")

    def _mature(self, last: datetime) -> None:
        """Let the window of everything so far pass, then wait until it is learned and decisions use it."""
        self._clock = last + timedelta(seconds=WINDOW_SECONDS + 1)
        self._client.post(f"{self._path}/clock", {"at": self._clock})
        deadline = time.monotonic() + WAIT_SECONDS
        while not self._settled():
            if time.monotonic() > deadline:
                raise JobError(f"the learner did not catch up within {WAIT_SECONDS:g} s; is a worker running?")
            time.sleep(LOOK_EVERY)

    def _settled(self) -> bool:
        status = self._client.get(f"{self._path}/learning")
        in_use = all(learner["loaded_snapshot_id"] == learner["snapshot_id"] for learner in status["learners"])
        return bool(status["settled"]) and in_use

    def snapshots(self) -> int:
        """How many snapshots the variant has published."""
        status = self._client.get(f"{self._path}/learning")
        return sum(learner["snapshots"] for learner in status["learners"] if learner["variant"] == VARIANT)


def _matches(play: Play, decision: dict[str, Any]) -> bool:
    return play.kept and decision["arm"] == play.arm


def _void(decision_id: str) -> dict[str, str]:
    return {"decision_id": decision_id, "reason": VOID_REASON}
