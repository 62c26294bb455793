"""How an experiment's guardrails and stop rules stand: what the worker acts on, and what people are shown."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine
from sqlmodel import Session

from bandit.policy import Policy
from bandit.rounds import NOTHING
from experiments.metrics import shares_of
from experiments.model.access.principal import Principal, require
from experiments.model.designing.definition import Definition, StopDefinition
from experiments.model.designing.guardrails import (
    ALPHA,
    Assessment,
    Standing,
    Watch,
    control_variant,
    direction_of,
    fixed_arm,
    is_breached,
    treated_variant,
    watches,
)
from experiments.model.tables.core import Experiment
from experiments.model.times import HOUR, duration_micros, now, to_micros
from experiments.store.alerts import unresolved_names
from experiments.store.breakers import paused_subjects, trips_of
from experiments.store.core.engine import reading
from experiments.store.designing.experiments import find
from experiments.store.designing.revisions import definitions_of
from experiments.store.joining.matured import first_round_of
from experiments.store.rollups.tiers import read_totals
from experiments.views.monitoring.guarded import Evidence
from experiments.views.readout.arm_stacks import arm_stacks
from experiments.views.readout.bounds import bounds_of
from offline_eval.ab.adaptive import ARM_CONTRASTS
from offline_eval.ab.evidence import p_value_of
from offline_eval.ab.rare import Rare, harm
from offline_eval.estimate import Estimate
from offline_eval.planning import STOP_RULES
from offline_eval.planning.stopping import Progress

EXACT_SHARE = 0.2
"""Of a guardrail's alpha, for the exact test where it may judge; the rest is the interval's."""

DAY = 24 * HOUR
NOBODY = Estimate(None, None, None, 0, 0.0, "none")


def guardrails(engine: Engine, principal: Principal, key: str) -> dict[str, Any]:
    """The standing of every guardrail and stop rule. Raises ForbiddenError, NotFoundError."""
    require(principal, "read")
    with reading(engine) as session:
        row = find(session, key)
        found = assess(session, row)
    stop = None if found.stop is None else found.stop.model_dump(mode="json", exclude_none=True)
    return {
        "experiment": key,
        "revision": row.revision,
        "alpha": ALPHA,
        "guardrails": [standing.as_dict() | {"sentence": standing.sentence} for standing in found.standings],
        "stop": None if stop is None else {"rules": stop, "met": found.met},
    }


def assess(session: Session, row: Experiment) -> Assessment:
    """The standing of everything that is watched, at the version of `row`."""
    definition, number = Definition.model_validate(row.definition), int(row.id or 0)
    evidence = evidence_of(session.connection(), row)
    standings = tuple(_standings(session, row, definition, evidence))
    met = {} if definition.stop is None else _met(definition, definition.stop, row, evidence, standings)
    alerts = frozenset(unresolved_names(session, number))
    return Assessment(number, row.key, row.version, standings, definition.stop, met, alerts)


def evidence_of(connection: Connection, row: Experiment) -> Evidence:
    """All totals, with what is known of money beforehand."""
    totals = read_totals(connection, int(row.id or 0))
    return Evidence(totals, bounds_of(connection, row, Evidence(totals).counted_in_all()))


def _standings(session: Session, row: Experiment, definition: Definition, evidence: Evidence) -> Iterator[Standing]:
    number, watched = int(row.id or 0), watches(definition)
    definitions = definitions_of(session.connection(), number) if watched else {}
    paused, since = paused_subjects(session, number), trips_of(session, number).since
    for watch in watched:
        subject, alpha = (watch.guardrail.on, watch.subject), ALPHA / len(watched)
        start, exact = since.get(subject, 1), None
        if watch.guardrail.on == "variant":
            kept = 1 - EXACT_SHARE if is_rare_harm(definition, watch) else 1.0
            estimate = _between_variants(evidence, watch, start, alpha * kept)
            if kept < 1:
                exact = _exact(definitions, evidence, watch, start)
        elif any(_unmoved(each.policy.kind) for each in definition.variants):
            estimate = _between_arms(definition, evidence, watch, start, alpha)
        else:
            metric = evidence.judged(watch.guardrail.metric)
            estimate = _adaptive(session.connection(), row, watch, (metric, start), alpha)
        standing = Standing(watch, "paused", estimate, start, exact)
        status = "paused" if subject in paused else _status(standing, alpha)
        yield replace(standing, status=status)


def _status(standing: Standing, alpha: float) -> str:
    """Of what is not paused, at its share of alpha."""
    watch, estimate, exact = standing.watch, standing.estimate or NOBODY, standing.exact_p_value
    if exact is not None and exact <= EXACT_SHARE * alpha:
        return "breached"
    if estimate.lower is None and estimate.upper is None:
        return "too few"
    return "breached" if is_breached(watch, estimate) else "within"


def _between_variants(evidence: Evidence, watch: Watch, since: int, alpha: float) -> Estimate:
    metric = evidence.judged(watch.guardrail.metric)
    found = evidence.variants((watch.subject, watch.versus), metric, since, alpha)
    return found.relative if watch.guardrail.relative else found.absolute


def is_rare_harm(definition: Definition, watch: Watch) -> bool:
    """Whether the exact test may judge: an event that does harm, against units to whom nothing is always possible.

    Units of the treated variant for whom no arm was left are missing from the record, which hides harm of this kind and
    would feign harm of the other (too few good events).
    """
    shares = shares_of(definition)
    fixed = fixed_arm(definition, watch.versus) == NOTHING
    return watch.sign < 0 and watch.guardrail.metric in shares and fixed


def _exact(definitions: Mapping[int, Definition], evidence: Evidence, watch: Watch, since: int) -> float | None:
    """Always-valid p-value of "no more harm than is put up with"; None where a unit came twice."""
    rule = watch.guardrail
    treated, control = (evidence.counted(key, rule.metric, since) for key in (watch.subject, watch.versus))
    if treated is None or control is None:
        return None
    strata = []
    for revision in sorted(treated.keys() | control.keys()):
        one, other = treated.get(revision, (0, 0)), control.get(revision, (0, 0))
        shares = {each.key: each.share for each in definitions[revision].variants}
        both = shares.get(watch.subject, 0.0), shares.get(watch.versus, 0.0)
        if not all(both):
            return None
        strata.append(Rare(one[0] + other[0], one[1], other[1], both[0] / sum(both)))
    limit = {"relative" if rule.relative else "absolute": rule.worst}
    return p_value_of(harm(strata, **limit))


def _between_arms(definition: Definition, evidence: Evidence, watch: Watch, since: int, alpha: float) -> Estimate:
    """Within the variants whose policy reacts to nothing; arms with rules of their own are for other people."""
    pair = (watch.subject, watch.versus)
    ruled = any(definition.arm(key).eligible is not None for key in pair)
    within = [] if ruled else [each.key for each in definition.variants if _unmoved(each.policy.kind)]
    found = evidence.arms(pair, within, evidence.judged(watch.guardrail.metric), since, alpha)
    return found.relative if watch.guardrail.relative else found.absolute


def _unmoved(kind: type[Policy]) -> bool:
    """Whether its probabilities react to nothing: only under these are arms compared by plain shares."""
    return kind.randomises and not kind.learned and not kind.reads_context


def _adaptive(
    connection: Connection, row: Experiment, watch: Watch, counted: tuple[str, int], alpha: float
) -> Estimate:
    """One arm against another where a policy moves the traffic: from the joiner's cells, by scores."""
    metric, since = counted
    stacks = arm_stacks(connection, row, since=first_round_of(connection, int(row.id or 0), since))
    known = () if stacks is None else stacks.arms
    if stacks is None or metric not in stacks.metrics or not {watch.subject, watch.versus} <= set(known):
        return NOBODY
    limits = stacks.limits.get(metric)
    found = ARM_CONTRASTS["arm_sequence"](stacks.of(metric), watch.subject, watch.versus, alpha, limits)
    return (found.relative or NOBODY) if watch.guardrail.relative else found.absolute


def _met(
    definition: Definition, stop: StopDefinition, row: Experiment, evidence: Evidence, standings: tuple[Standing, ...]
) -> dict[str, str]:
    """Stop rule → why it is met."""
    progress = Progress(
        _days(definition, row), evidence.units(), _primary(definition, stop, evidence), _guarded(standings)
    )
    found = {}
    for name, limit in _limits(stop, row.started_at or 0).items():
        why = STOP_RULES[name](progress, limit)
        if why is not None:
            found[name] = why
    return found


def _limits(stop: StopDefinition, started_at: int) -> dict[str, float]:
    """Each rule's limit as STOP_RULES takes it; a date in days since the start."""
    given = {name: getattr(stop, name) for name in STOP_RULES}
    limits = {name: float(value) for name, value in given.items() if name != "date" and value is not None}
    if stop.date is not None:
        length = to_micros(stop.date) - started_at if isinstance(stop.date, datetime) else duration_micros(stop.date)
        limits["date"] = length / DAY
    return limits


def _days(definition: Definition, row: Experiment) -> float:
    clock = row.clock_now if definition.clock == "caller" else now()
    if row.started_at is None or clock is None:
        return 0.0
    return (clock - row.started_at) / DAY


def _primary(definition: Definition, stop: StopDefinition, evidence: Evidence) -> Estimate:
    """The objective of the treated variant over the control, higher better."""
    versus = stop.versus or control_variant(definition)
    treated = stop.variant or treated_variant(definition, versus)
    if versus is None or treated is None:
        return NOBODY
    metric = evidence.judged(definition.objective.maximise)
    found = evidence.variants((treated, versus), metric, 1, ALPHA).absolute
    return turned(found, -1.0) if direction_of(metric) < 0 else found


def _guarded(standings: tuple[Standing, ...]) -> tuple[Estimate, ...]:
    """How much better than its worst each guardrail stands."""
    known = [each for each in standings if each.estimate is not None]
    return tuple(turned(each.estimate, each.watch.sign, each.watch.guardrail.worst) for each in known if each.estimate)


def turned(estimate: Estimate, sign: float, shift: float = 0.0) -> Estimate:
    """sign x estimate + shift, its bounds in order."""
    bounds = [None if each is None else sign * each + shift for each in (estimate.lower, estimate.upper)]
    lower, upper = bounds if sign > 0 else bounds[::-1]
    value = None if estimate.value is None else sign * estimate.value + shift
    return Estimate(value, lower, upper, estimate.n, estimate.effective_n, estimate.method, estimate.alpha)
