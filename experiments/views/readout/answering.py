"""The readout of an experiment, from the totals tier: what API, pages and reports show.

Only matured decisions are in numerators and denominators. Variants are read on intention to treat: voided decisions
stay. Arms are read over delivered decisions. Forced decisions and rejected rows of a replay are in neither.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine
from sqlmodel import Session

from experiments.errors import Fault, InvalidError
from experiments.metrics import shares_of
from experiments.model.access.principal import Principal, require
from experiments.model.designing.controls import arms_by_event_type, control_of
from experiments.model.designing.definition import Definition
from experiments.model.rollups import DECISIONS, UNITS
from experiments.model.tables.core import Experiment
from experiments.model.times import now, to_rfc3339
from experiments.store.breakers import Trips, trips_of
from experiments.store.core.engine import reading
from experiments.store.designing.experiments import find
from experiments.store.rollups.cell_totals import read_cells
from experiments.views.readout.arms import arm_contrasts
from experiments.views.readout.bounds import Counted, bounds_of
from experiments.views.readout.builder import ReadoutBuilder, method_of, shown_metrics
from experiments.views.readout.cells import Cell, Cells, of_totals
from experiments.views.readout.described import described
from experiments.views.readout.early import early_documents
from experiments.views.readout.maturing import Maturity, maturity_of
from experiments.views.readout.pace import Pace, pace_of
from experiments.views.readout.question import WHOLE, Question
from experiments.views.readout.spans import of_span
from experiments.views.trust.checks import checks
from offline_eval.ab.checks.check import CheckResult

Document = dict[str, Any]

MOST_NAMED = 20
"""Segments that a note lists."""


def readout(engine: Engine, principal: Principal, key: str, question: Question = WHOLE) -> Document:
    """The readout. Raises ForbiddenError, NotFoundError, InvalidError where there is no such event type."""
    require(principal, "read")
    with reading(engine) as session:
        row = find(session, key)
        return _answered(read(session, row, question))


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of an experiment, and what is asked of it.

    Attributes:
        whole: all of it, on the totals tier. part: of the span that is asked for, or the same.
        trips: what guardrails have done. pace: decisions a day as of late.
        arms: contrasts of arms under adaptive allocation, see `views.arms`.
    """

    row: Experiment
    definition: Definition
    question: Question
    whole: Cells
    part: Cells
    checks: Sequence[CheckResult]
    trips: Trips
    pace: Pace
    arms: Document
    maturity: Maturity
    early: Document | None
    as_of: int | None


def read(session: Session, row: Experiment, question: Question = WHOLE) -> Read:
    """Everything a readout needs, in one transaction."""
    connection = session.connection()
    definition = Definition.model_validate(row.definition)
    totals = read_cells(connection, int(row.id or 0))
    bounds = bounds_of(connection, row, Counted(totals.total(DECISIONS), totals.total(UNITS)))
    whole = of_totals(totals, shares_of(definition), bounds)
    as_of = row.clock_now if definition.clock == "caller" else now()
    part = of_span(connection, int(row.id or 0), whole, question) if question.spans else whole
    found = checks(connection, row, totals.total(DECISIONS))
    arms = _arms(connection, row, shown_metrics(definition, totals.places), question)
    maturity = maturity_of(connection, row, definition)
    early = early_documents(connection, row, definition, as_of) if question.early else None
    trips = trips_of(session, int(row.id or 0))
    pace = pace_of(connection, int(row.id or 0), totals.places)
    return Read(row, definition, question, whole, part, found, trips, pace, arms, maturity, early, as_of)


def _arms(connection: Connection, row: Experiment, metrics: Sequence[str], question: Question) -> Document:
    """Contrasts of arms, from the joiner's cells; these know eras and segments, but no hours."""
    if question.spans:
        return {}
    return arm_contrasts(connection, row, metrics, method_of(row, question), question.segment)


def _answered(found: Read) -> Document:
    row, question = found.row, found.question
    whole = ReadoutBuilder.of(row, found.definition, found.whole, question)
    shown = whole if not question.narrow else ReadoutBuilder.of(row, found.definition, _narrowed(found), question)
    documents, judging = shown.documents(found.arms), whole.judging(found.trips, found.pace)
    verdict = judging.verdict(found.checks, found.as_of, found.maturity.open)
    if not question.narrow and shown.comparing.method == "always_valid":
        verdict = judging.with_arms(verdict, documents["arms"])
    return {
        "experiment": row.key,
        "status": row.status,
        "revision": row.revision,
        "as_of": _instant(found.as_of),
        **_asked(question),
        "method": shown.comparing.method,
        "control": shown.control,
        "objective": found.definition.objective.maximise,
        "estimand": whole.estimand(),
        "verdict": verdict.as_dict(),
        "checks": [check.as_dict() for check in found.checks],
        "notes": [*shown.notes(), *_unmet(found)],
        "metrics": described(found.definition, shown.metrics),
        "counts": shown.counts(None if question.narrow else found.maturity.open),
        "maturity": found.maturity.as_dict() | {"early": found.early},
        **documents,
    }


def _asked(question: Question) -> Document:
    return {
        "segment": question.segment,
        "event_type": question.event_type,
        "from": _instant(question.start),
        "to": _instant(question.end),
    }


def _narrowed(found: Read) -> Cells:
    """The cells of the segment and the event type that are asked for, the control's whole beside the latter."""
    question, control = found.question, control_of(found.definition)
    types = arms_by_event_type(found.definition)
    if question.event_type is not None and question.event_type not in types:
        known = ", ".join(types) or "none"
        raise InvalidError([Fault("", f"query parameter event_type: no arm is of this type; there are: {known}")])
    arms = set(types.get(question.event_type or "", ()))

    def kept(cell: Cell) -> bool:
        if question.segment is not None and cell.segment != question.segment:
            return False
        return question.event_type is None or cell.variant == control or cell.arm in arms

    return found.part.where(kept)


def _unmet(found: Read) -> list[str]:
    """A segment that is asked for and that no matured decision is of may be a slip of the pen."""
    met = sorted({key.segment for key in found.whole.keys if key.segment})
    asked = found.question.segment
    if asked is None or asked in met:
        return []
    known = ", ".join(met[:MOST_NAMED]) or "none"
    return [f"no matured decision is of the segment {asked!r}; there are: {known}{', …' * (len(met) > MOST_NAMED)}"]


def _instant(micros: int | None) -> str | None:
    return None if micros is None else to_rfc3339(micros)
