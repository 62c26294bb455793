"""Replays: ask for them, see how far they are, read what came of them."""

from datetime import datetime
from typing import Any

from bandit.policies import POLICIES
from dashboard.data.campaigns import campaign
from dashboard.who import Who
from experiments.model.times import to_micros
from experiments.services.replaying import ReplayRequest, cancel_replay, request_replay
from experiments.views.paging import Wanted
from experiments.views.replays import replay, replays
from offline_eval.judging import report
from offline_eval.ope import ESTIMATORS

Document = dict[str, Any]
LATEST = 20
ESTIMATOR_NAMES = tuple(ESTIMATORS)
OVER = ("done", "failed", "cancelled")


def candidates(who: Who, key: str) -> list[dict[str, Any]]:
    """Names of policies that can be judged, in groups. Raises ForbiddenError, NotFoundError."""
    definition = campaign(who, key)
    arms = [f"fixed:{arm['key']}" for arm in definition["arms"]]
    learned = [name for name, policy in POLICIES.items() if policy.learned]
    shadows = [f"shadow:{one['key']}" for one in definition.get("shadow", [])]
    groups = {
        "Simple": ["uniform"],
        "Learned": learned,
        "One arm for everybody": arms,
        "Recorded in the shadow": shadows,
    }
    return [{"group": name, "items": items} for name, items in groups.items() if items]


def listed(who: Who, key: str) -> list[Document]:
    """The newest replays of a campaign. Raises ForbiddenError, NotFoundError."""
    return list(replays(who.engine, who.principal, key, Wanted(limit=LATEST))["items"])


def one(who: Who, number: int) -> Document:
    """A replay with its result. Raises ForbiddenError, NotFoundError."""
    return replay(who.engine, who.principal, number)


def begin(
    who: Who, key: str, policies: list[str] | None, estimators: list[str] | None, span: tuple[datetime, datetime] | None
) -> int:
    """Queue one; its number. Raises ForbiddenError, NotFoundError, InvalidError."""
    start, end = (to_micros(span[0]), to_micros(span[1])) if span else (None, None)
    asked = ReplayRequest(policies=policies or None, estimators=estimators or None, start=start, end=end)
    return request_replay(who.engine, who.principal, key, asked)


def cancel(who: Who, number: int) -> None:
    """End one. Raises ForbiddenError, NotFoundError, ConflictError."""
    cancel_replay(who.engine, who.principal, number)


def told(result: Document) -> tuple[str, list[str]]:
    """The conclusion in a sentence or two, and every doubt about it; the words that the shell prints."""
    return report.conclusion(result), [*report.failed(result), *report.remark(result), *report.doubts(result)]


def headline_of(result: Document) -> str:
    """The estimator whose numbers the tables show."""
    return report.shown(result)
