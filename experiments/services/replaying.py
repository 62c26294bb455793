"""Replays of live experiments: asked for by people, taken up by a worker, carried on where a process died."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

from sqlalchemy import Engine

from bandit.policies.rules import Rules
from experiments.errors import Fault, InvalidError
from experiments.model.access.principal import Principal, require
from experiments.model.designing.definition import Definition
from experiments.model.tables.core import Experiment, Replay
from experiments.model.times import now
from experiments.store import audit, runs
from experiments.store.core.engine import reading, transaction
from experiments.store.designing.experiments import find
from experiments.store.designing.revisions import definitions_of
from offline_eval.models import DEFAULT_OUTCOME_MODEL, OUTCOME_MODELS
from offline_eval.ope import ESTIMATORS


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """What to judge: candidate policies by name, estimators, variants whose rounds to use, decided within [start, end).

    None leaves the choice to the replay.
    """

    policies: Sequence[str] | None = None
    estimators: Sequence[str] | None = None
    variants: Sequence[str] | None = None
    outcome_model: str = DEFAULT_OUTCOME_MODEL
    start: int | None = None
    end: int | None = None


class Claim(NamedTuple):
    """A replay that this process works on."""

    id: int
    experiment: str
    request: ReplayRequest


def request_replay(engine: Engine, principal: Principal, key: str, request: ReplayRequest) -> int:
    """Queue a replay; its number. Raises ForbiddenError, NotFoundError, InvalidError."""
    require(principal, "analyse")
    with transaction(engine) as session:
        experiment = find(session, key)
        _check(request, definitions_of(session.connection(), experiment.id or 0))
        row = Replay(
            experiment_id=experiment.id or 0,
            status="queued",
            request=asdict(request),
            created_at=now(),
            created_by=principal.name,
        )
        session.add(row)
        session.flush()
        audit.append(session, principal, "replay.request", f"{key}/{row.id}", row.request)
        return int(row.id or 0)


def cancel_replay(engine: Engine, principal: Principal, number: int) -> None:
    """End a replay that is not over. Raises ForbiddenError, NotFoundError, ConflictError."""
    require(principal, "analyse")
    with transaction(engine) as session:
        runs.cancel(session, Replay, number)
        audit.append(session, principal, "replay.cancel", str(number), {})


def claim_replay(engine: Engine) -> Claim | None:
    """Take up the oldest replay that waits, or whose process died; None where there is none."""
    row = runs.claim(engine, Replay)
    if row is None:
        return None
    with reading(engine) as session:
        key = session.get_one(Experiment, row.experiment_id).key
    return Claim(int(row.id or 0), key, ReplayRequest(**row.request))


def _check(request: ReplayRequest, revisions: Mapping[int, Definition]) -> None:
    faults = [
        *_policy_faults(request.policies or (), revisions),
        *_unknown("variants", request.variants, {one.key for each in revisions.values() for one in each.variants}),
        *_unknown("estimators", request.estimators, ESTIMATORS),
    ]
    if request.outcome_model not in OUTCOME_MODELS:
        faults.append(Fault("/outcome_model", f"must be one of {', '.join(OUTCOME_MODELS)}"))
    if faults:
        raise InvalidError(faults)


def _policy_faults(names: Sequence[str], revisions: Mapping[int, Definition]) -> Iterator[Fault]:
    # It brings pandas along, without which the service starts sooner.
    from offline_eval.candidates.registry import GROUPS, Named, fault_of_name

    definitions = [revisions[number] for number in sorted(revisions)]
    arms = dict.fromkeys(arm.key for each in definitions for arm in each.arms_with_nothing)
    shadows = dict.fromkeys(shadow.key for each in definitions for shadow in each.shadow)
    rules = any(issubclass(variant.policy.kind, Rules) for variant in definitions[-1].variants)
    known = Named(arms, shadows, rules)
    for place, name in enumerate(names):
        if name.startswith("column:"):
            yield Fault(f"/policies/{place}", f"{name!r}: the log of an experiment has no columns; export it first")
        elif name not in GROUPS and (why := fault_of_name(name, known)):
            yield Fault(f"/policies/{place}", why)


def _unknown(what: str, names: Sequence[str] | None, known: Collection[str]) -> Iterator[Fault]:
    for place, name in enumerate(names or ()):
        if name not in known:
            yield Fault(f"/{what}/{place}", f"{name!r} is none of the {what}: {', '.join(sorted(known))}")
