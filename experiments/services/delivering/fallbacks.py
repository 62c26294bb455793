"""Exposures without a decision, as clients report them once the service is back (docs/adr: fallback exposures)."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, field
from sqlalchemy import Connection, Engine
from sqlmodel import Session, col, select

from experiments.errors import Fault
from experiments.model.access.principal import Principal, require
from experiments.model.deciding.decisions import MAX_INSTANT
from experiments.model.designing.wording import NO_NUL
from experiments.model.erasing import exposure_hash
from experiments.model.ids import public_id
from experiments.model.tables.core import Experiment
from experiments.model.times import now, to_micros
from experiments.services.recording.voiding import Voided, void_decisions
from experiments.store.core.engine import reading, share, transaction
from experiments.store.core.locks import Lock
from experiments.store.recording.fallback_log import FallbackRow, append_exposures, decisions_keyed, known_exposures
from experiments.store.units.erasures import erased_units, key_if_any

REASON = "fallback"
_Name = Annotated[str, Meta(min_length=1, max_length=512, pattern=NO_NUL)]
_Key = Annotated[str, Meta(min_length=1, max_length=64, pattern=NO_NUL)]


class FallbackReport(Struct, forbid_unknown_fields=True):
    """A unit that was shown the control because the service gave no answer. Unique by its exposure_id.

    `idempotency_key` is that of the call that failed: a decision that it made after all was never seen.
    """

    exposure_id: Annotated[str, Meta(min_length=1, max_length=200, pattern=NO_NUL)]
    experiment: _Key
    unit_id: _Name
    arm: _Key
    at: Annotated[datetime, Meta(tz=True, description="RFC 3339 with an offset")]
    idempotency_key: _Name | None = None


class FallbackResult(Struct, omit_defaults=True):
    """What became of one report; `voided_decision` where the failed call had made a decision, now void."""

    exposure_id: str | None
    outcome_class: Literal["accepted", "duplicate", "erased", "rejected"] = field(name="class")
    reason: str | None = None
    voided_decision: str | None = None


def record_fallbacks(
    engine: Engine, principal: Principal, reports: Sequence[FallbackReport | list[Fault]]
) -> list[FallbackResult]:
    """Keep each; void the decision that its own call made unseen. One that makes no sense is rejected alone.

    Raises ForbiddenError without the scope `assign`, ConflictError where the same reports come in twice at once,
    UnavailableError.
    """
    require(principal, "assign")
    good = [each for each in reports if isinstance(each, FallbackReport)]
    with reading(engine) as session:
        connection = session.connection()
        numbers = _experiments(session, {each.experiment for each in good})
        known = known_exposures(connection, (each.exposure_id for each in good))
        erased = _erased(connection, good)
        known |= set(erased)
        fresh = {each.exposure_id: each for each in good if each.exposure_id not in known and _fits(each, numbers)}
        unseen = _unseen(connection, list(fresh.values()), numbers)
    # Voids first: they may be repeated, so that a crash in between is mended by the client's next report.
    voided = _void(engine, principal, set(unseen.values()))
    rows = [_row(each, numbers, unseen.get(each.exposure_id), voided) for each in fresh.values()]
    with transaction(engine) as session:
        share(session.connection(), Lock.PEOPLE)
        erased |= _erased(session.connection(), good)  # since they were looked up
        rows = [row for row in rows if row.exposure_id not in erased]
        append_exposures(session.connection(), rows)
    results = {row.exposure_id: row for row in rows}
    answers = [_result(each, results, numbers) for each in reports]
    for each in answers:
        if each.outcome_class == "duplicate" and each.exposure_id in erased:
            each.outcome_class = erased[each.exposure_id]
    return answers


def _erased(connection: Connection, reports: list[FallbackReport]) -> dict[str, Literal["duplicate", "erased"]]:
    """Exposures of erased persons, which are not taken: known already, or new."""
    key = key_if_any(connection)
    if key is None:
        return {}
    hashed = {each.exposure_id: exposure_hash(key, each.exposure_id) for each in reports}
    known = known_exposures(connection, hashed.values())
    units = erased_units(connection, (each.unit_id for each in reports))
    theirs = {
        each.exposure_id for each in reports if each.unit_id in units and units[each.unit_id].covers(to_micros(each.at))
    }
    return {
        one: "duplicate" if hashed[one] in known else "erased"
        for one in hashed
        if hashed[one] in known or one in theirs
    }


def _void(engine: Engine, principal: Principal, numbers: set[int]) -> set[int]:
    """Those that are void for this reason now; what has matured stays as it is counted."""
    asked = sorted(numbers)
    answers = void_decisions(engine, principal, [(public_id(number), REASON) for number in asked]) if asked else []
    return {
        number
        for number, answer in zip(asked, answers, strict=True)
        if isinstance(answer, Voided) and answer.reason == REASON
    }


def _row(report: FallbackReport, numbers: dict[str, int], unseen: int | None, voided: set[int]) -> FallbackRow:
    return FallbackRow(
        report.exposure_id,
        numbers[report.experiment],
        report.unit_id,
        report.arm,
        to_micros(report.at),
        now(),
        unseen,
        unseen in voided,
    )


def _experiments(session: Session, keys: Iterable[str]) -> dict[str, int]:
    found = session.exec(select(Experiment.key, Experiment.id).where(col(Experiment.key).in_(sorted(keys)))).all()
    return {key: int(number or 0) for key, number in found}


def _fits(report: FallbackReport, numbers: dict[str, int]) -> bool:
    return report.experiment in numbers and 0 <= to_micros(report.at) < MAX_INSTANT


def _unseen(connection: Connection, reports: list[FallbackReport], numbers: dict[str, int]) -> dict[str, int]:
    """Exposure id → the decision that the failed call made."""
    keyed: dict[int, list[FallbackReport]] = {}
    for each in reports:
        if each.idempotency_key is not None:
            keyed.setdefault(numbers[each.experiment], []).append(each)
    found: dict[str, int] = {}
    for number, asked in keyed.items():
        decided = decisions_keyed(connection, number, (str(each.idempotency_key) for each in asked))
        found |= {
            each.exposure_id: decided[str(each.idempotency_key), each.unit_id]
            for each in asked
            if (str(each.idempotency_key), each.unit_id) in decided
        }
    return found


def _result(
    report: FallbackReport | list[Fault], rows: dict[str, FallbackRow], numbers: dict[str, int]
) -> FallbackResult:
    """The first report of an exposure gets its row; every other one is a duplicate."""
    if isinstance(report, list):
        return FallbackResult(
            None, "rejected", "; ".join(f"{fault.pointer or '/'}: {fault.detail}" for fault in report)
        )
    row = rows.pop(report.exposure_id, None)
    if row is not None:
        decision = public_id(row.decision_id) if row.voided and row.decision_id is not None else None
        return FallbackResult(report.exposure_id, "accepted", None, decision)
    if _fits(report, numbers):
        return FallbackResult(report.exposure_id, "duplicate")
    why = "/at: must lie between the years 1970 and 3000"
    if report.experiment not in numbers:
        why = f"/experiment: there is no experiment {report.experiment!r}"
    return FallbackResult(report.exposure_id, "rejected", why)
