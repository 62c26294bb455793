"""Reports → rows, in one transaction that the joiner cannot come between."""

from collections.abc import Sequence

from sqlalchemy import Connection, Engine
from sqlmodel import Session

from experiments.model.times import now
from experiments.services.recording.classifying import by_unit, classify_by_unit, classify_named
from experiments.services.recording.erased import erased_events
from experiments.services.recording.messages import OutcomeClass
from experiments.services.recording.reading import Report
from experiments.store.core.engine import transaction
from experiments.store.designing.revisions import RevisionBook
from experiments.store.limits.suppressed import UNSUBSCRIBE, suppress_unsubscribed
from experiments.store.recording.outcome_log import (
    Candidate,
    OutcomeRow,
    append_outcomes,
    decisions_named,
    decisions_of,
    hold_off_the_joiner,
    seen_before,
)


class Intake:
    """Stores what has not been stored, and says what each report is."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._book = RevisionBook()

    def take(self, reports: Sequence[Report]) -> list[OutcomeClass]:
        """The class of each report, in order, once all are committed. Raises UnavailableError."""
        with transaction(self._engine) as session:
            connection = session.connection()
            hold_off_the_joiner(connection)
            seen = seen_before(connection, (report.event for report in reports))
            fresh = {report.event: report for report in reversed(reports) if report.event not in seen}
            erased = erased_events(connection, list(fresh.values()))
            taken = [report for event, report in fresh.items() if event not in erased]
            rows = self._rows(session, taken) if taken else {}
            kept = append_outcomes(connection, list(rows.values())) if rows else set()
            suppress_unsubscribed(connection, _unsubscribed(connection, [rows[event] for event in kept]))
        return _classes(reports, {**erased, **{event: rows[event].outcome_class for event in kept}})

    def _rows(self, session: Session, reports: list[Report]) -> dict[tuple[str, str], OutcomeRow]:
        connection, received_at = session.connection(), now()
        named = decisions_named(connection, (each.decision_id for each in reports if each.decision_id is not None))
        units = {each.unit_id for each in reports if each.decision_id is None and each.unit_id is not None}
        since = min(each.occurred_at for each in reports)
        decided = by_unit(decisions_of(connection, units, since) if units else [])
        rows = {}
        for each in reports:
            if each.decision_id is not None:
                found = named.get(each.decision_id)
                kind = classify_named(found, received_at)
                clock = None if found is None else found.clock_now
            else:
                candidates = decided.get(str(each.unit_id), [])
                kind = classify_by_unit(
                    candidates, each.occurred_at, received_at, lambda one: self._window(session, one)
                )
                clock = None
            rows[each.event] = OutcomeRow(*each[:7], received_at, clock, kind, each.properties)
        return rows

    def _window(self, session: Session, decision: Candidate) -> int:
        return self._book.of(session, decision.experiment_id, decision.revision).window


def _unsubscribed(connection: Connection, rows: Sequence[OutcomeRow]) -> dict[str, str]:
    """Unit → source. What a replay or a simulation tells on its own clock concerns nobody."""
    told = [row for row in rows if row.kind == UNSUBSCRIBE]
    if not told:
        return {}
    named = decisions_named(connection, (row.decision_id for row in told if row.decision_id is not None))
    found = {}
    for row in told:
        decision = named.get(row.decision_id or 0)
        unit = row.unit_id if decision is None else decision.unit_id
        if unit is not None and (decision is None or decision.clock_now is None):
            found[unit] = row.source
    return found


def _classes(reports: Sequence[Report], kept: dict[tuple[str, str], str]) -> list[OutcomeClass]:
    """A report that was stored gives its class to its first mention; every other mention is a duplicate."""
    return [kept.pop(report.event, "duplicate") for report in reports]  # type: ignore[misc]  # rows hold classes
