"""Act on what monitoring found: pause what harms, stop or recommend to stop, raise and resolve alerts."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from experiments.model.access.principal import SYSTEM
from experiments.model.designing.guardrails import Assessment, Standing
from experiments.model.tables.core import Experiment
from experiments.services.designing.steering import move
from experiments.store import audit
from experiments.store.alerts import Notice, raise_alert, resolve_alerts
from experiments.store.breakers import Switch, note_trip, open_next_revision, switch_off
from experiments.store.core.lease import Lease, fenced
from experiments.store.core.outbox import announce

WATCHED = ("running", "paused")
CHANGES = "changes"


def act(engine: Engine, lease: Lease, found: Assessment) -> int:
    """Do what is due; how much was done. Nothing where the experiment has changed since it was assessed.

    Raises LeaseLostError, UnavailableError.
    """
    if not any(_due(found)):
        return 0
    with fenced(engine, lease) as session:
        row = session.get(Experiment, found.experiment_id, with_for_update=True)
        if row is None or row.version != found.version or row.status not in WATCHED:
            return 0
        done = _breaches(session, row, found) + _resolutions(session, row, found) + _stops(session, row, found)
        session.add(row)
    return done


def _due(found: Assessment) -> Iterator[bool]:
    for standing in found.standings:
        known = standing.watch.name in found.alerts
        yield standing.status == "breached" and (not known or standing.watch.guardrail.action == "pause")
        yield known and _is_over(standing)
    yield any(_stop_name(rule) not in found.alerts for rule in found.met)
    yield any(name.startswith("stop:") and name[5:] not in found.met for name in found.alerts)


def _is_over(standing: Standing) -> bool:
    """An alert that paused nothing ends with its reason; one that paused ends when a person resumes."""
    return standing.status in ("within", "too few")


def _breaches(session: Session, row: Experiment, found: Assessment) -> int:
    breached = [each for each in found.standings if each.status == "breached"]
    pausing = [each for each in breached if each.watch.guardrail.action == "pause"]
    subjects = {(each.watch.guardrail.on, each.watch.subject): each for each in reversed(pausing)}
    for subject, standing in subjects.items():
        switch_off(session, row, Switch(subject, f"guardrail: {standing.sentence}", SYSTEM.name))
    if subjects:
        open_next_revision(session, row)
        row.version += 1
    return sum(_tell_breach(session, row, standing) for standing in breached)


def _tell_breach(session: Session, row: Experiment, standing: Standing) -> int:
    watch, pauses = standing.watch, standing.watch.guardrail.action == "pause"
    detail = standing.as_dict() | {"sentence": standing.sentence, "revision": row.revision}
    what = f"{watch.guardrail.on} {watch.subject}"
    title = f"{row.key}: {what} {'paused' if pauses else 'harms'}, guardrail {watch.guardrail.metric} breached"
    notice = Notice(watch.name, "critical", title, detail, (row.id or 0, row.key))
    raised = raise_alert(session, notice)
    if not pauses and raised is None:
        return 0
    if pauses:
        note_trip(session, row, (watch.guardrail.on, watch.subject), detail | {"alert": watch.name})
    verb = "guardrail.pause" if pauses else "guardrail.alert"
    announce(session, CHANGES, row.key, {"event": verb, "version": row.version, **detail})
    audit.append(session, SYSTEM, verb, f"{row.key}/{watch.subject}", detail)
    return 1


def _resolutions(session: Session, row: Experiment, found: Assessment) -> int:
    over = [each.watch.name for each in found.standings if each.watch.name in found.alerts and _is_over(each)]
    over += [name for name in found.alerts if name.startswith("stop:") and name[5:] not in found.met]
    return sum(resolve_alerts(session, (row.id or 0, row.key), name) for name in over)


def _stops(session: Session, row: Experiment, found: Assessment) -> int:
    new = {rule: why for rule, why in found.met.items() if _stop_name(rule) not in found.alerts}
    if not new or found.stop is None:
        return 0
    stops = found.stop.action == "stop"
    moved: dict[str, Any] = move(session, row, "stop") if stops else {}
    for rule, why in new.items():
        title = f"{row.key}: {'stopped' if stops else 'time to stop'}, {rule}: {why}"
        detail = {"rule": rule, "why": why, "action": found.stop.action, **moved}
        raise_alert(session, Notice(_stop_name(rule), "warning", title, detail, (row.id or 0, row.key)))
        verb = "experiment.stop" if stops else "experiment.recommend-stop"
        announce(session, CHANGES, row.key, {"event": verb, "version": row.version, **detail})
        audit.append(session, SYSTEM, verb, row.key, detail)
    return len(new)


def _stop_name(rule: str) -> str:
    return f"stop:{rule}"
