"""The circuit breaker's memory: what it has paused, from which revision on evidence counts, the pauses themselves."""

from typing import Any, NamedTuple

from sqlmodel import Session, col, select

from experiments.model.designing.guardrails import PAUSED
from experiments.model.tables.core import Adjustment, Experiment
from experiments.model.tables.monitoring import GuardrailTrip
from experiments.model.times import now
from experiments.store.alerts import resolve_alerts
from experiments.store.designing.experiments import open_revision

Subject = tuple[str, str]
"""("variant" or "arm", key)."""


class Trips(NamedTuple):
    """What guardrails have done to subjects.

    Attributes:
        since: subject → the revision that its last resumption opened, from which on evidence counts; who was never
            resumed is not in it.
        paused: subject → why, where a guardrail has paused it and nobody has resumed it.
    """

    since: dict[Subject, int]
    paused: dict[Subject, str]


class Switch(NamedTuple):
    """Who is paused, why, and by whom."""

    subject: Subject
    reason: str
    by: str


def switch_off(session: Session, row: Experiment, switch: Switch) -> None:
    """Put the pause in force as an adjustment; whoever reads the experiment anew decides by it."""
    kind, key = switch.subject
    end_adjustments(session, row, switch.subject)
    session.add(
        Adjustment(
            experiment_id=row.id or 0,
            arm=key,
            kind=_kind(kind),
            value=0.0,
            reason=switch.reason,
            created_at=now(),
            created_by=switch.by,
        )
    )


def end_adjustments(session: Session, row: Experiment, subject: Subject) -> int:
    """End the pauses of the subject that are in force; how many there were."""
    kind, key = subject
    query = select(Adjustment).where(Adjustment.experiment_id == row.id, Adjustment.arm == key)
    found = session.exec(query.where(Adjustment.kind == _kind(kind), col(Adjustment.ended_at).is_(None))).all()
    for adjustment in found:
        adjustment.ended_at = now()
        session.add(adjustment)
    return len(found)


def paused_subjects(session: Session, experiment_id: int) -> set[Subject]:
    """Variants and arms that are switched off, by whomever."""
    query = select(Adjustment).where(Adjustment.experiment_id == experiment_id, col(Adjustment.ended_at).is_(None))
    moment = now()
    off = [each for each in session.exec(query) if not each.value and (each.expires_at or moment + 1) > moment]
    kinds = {PAUSED: "variant", "enabled": "arm"}
    return {(kinds[each.kind], each.arm) for each in off if each.kind in kinds}


def note_trip(session: Session, row: Experiment, subject: Subject, detail: dict[str, Any]) -> None:
    """Remember that a guardrail has paused the subject."""
    kind, key = subject
    session.add(
        GuardrailTrip(experiment_id=row.id or 0, kind=kind, subject=key, detail=detail, tripped_at=now()),
    )


def rearm(session: Session, row: Experiment, subject: Subject, by: str) -> bool:
    """A person resumes what a guardrail paused: a revision opens, and only its decisions are evidence from now on.

    False where no guardrail had paused it.
    """
    kind, key = subject
    query = select(GuardrailTrip).where(GuardrailTrip.experiment_id == row.id, col(GuardrailTrip.ended_at).is_(None))
    trips = session.exec(query.where(GuardrailTrip.kind == kind, GuardrailTrip.subject == key)).all()
    if not trips:
        return False
    open_next_revision(session, row)
    for trip in trips:
        trip.ended_at, trip.ended_by, trip.rearmed_revision = now(), by, row.revision
        session.add(trip)
        resolve_alerts(session, (row.id or 0, row.key), str(trip.detail["alert"]))
    return True


def trips_of(session: Session, experiment_id: int) -> Trips:
    """What guardrails have done in the experiment."""
    query = select(GuardrailTrip).where(GuardrailTrip.experiment_id == experiment_id)
    found = Trips({}, {})
    for trip in session.exec(query.order_by(col(GuardrailTrip.id))):
        if trip.rearmed_revision is not None:
            found.since[trip.kind, trip.subject] = trip.rearmed_revision
        if trip.ended_at is None:
            found.paused[trip.kind, trip.subject] = str(trip.detail["sentence"])
    return found


def open_next_revision(session: Session, row: Experiment) -> None:
    """The same definition under the next number, so that readouts keep apart what chances were before and after."""
    row.revision += 1
    session.add(row)
    open_revision(session, row, now())


def _kind(kind: str) -> str:
    return PAUSED if kind == "variant" else "enabled"
