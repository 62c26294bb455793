"""Void decisions that were never delivered: out of learning and arm readouts, kept in the intention to treat."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from experiments.errors import ConflictError, Fault, InvalidError, NotFoundError, WinbackError
from experiments.model.access.principal import Principal, require
from experiments.model.ids import decision_number, public_id
from experiments.model.times import now
from experiments.store.core.engine import transaction
from experiments.store.limits.totals import give_back
from experiments.store.recording.outcome_log import hold_off_the_joiner
from experiments.store.recording.void_log import Voidable, VoidRow, append_voids, voidable

REPLAY_REJECTED = "replay_rejected"


@dataclass(frozen=True, slots=True)
class Voided:
    """A decision that is void: since when and why; the first reason given stays."""

    decision_id: str
    reason: str
    voided_at: int


def void_decisions(
    engine: Engine, principal: Principal, asked: Sequence[tuple[str, str]]
) -> list[Voided | WinbackError]:
    """Void each (decision, reason); one that cannot be voided is answered by its error and leaves the others be.

    Raises ForbiddenError, UnavailableError.
    """
    require(principal, "assign")
    numbers = [_number(decision_id) for decision_id, _ in asked]
    with transaction(engine) as session:
        connection = session.connection()
        hold_off_the_joiner(connection)
        known = voidable(connection, {number for number in numbers if isinstance(number, int)})
        rows: dict[int, VoidRow] = {}
        answers = [
            number if isinstance(number, WinbackError) else _void(number, known.get(number), reason, rows)
            for number, (_, reason) in zip(numbers, asked, strict=True)
        ]
        append_voids(connection, list(rows.values()))
        if rows:
            give_back(session, rows)
    return answers


def void_decision(engine: Engine, principal: Principal, decision_id: str, reason: str) -> Voided:
    """Void one decision. Raises NotFoundError, ConflictError after maturity, InvalidError for `replay_rejected`."""
    (answer,) = void_decisions(engine, principal, [(decision_id, reason)])
    if isinstance(answer, WinbackError):
        raise answer
    return answer


def _number(decision_id: str) -> int | WinbackError:
    try:
        return decision_number(decision_id)
    except ValueError as error:
        return NotFoundError(f"there is no decision {decision_id!r:.80}: {error}")


def _void(number: int, found: Voidable | None, reason: str, rows: dict[int, VoidRow]) -> Voided | WinbackError:
    if found is None:
        return NotFoundError(f"there is no decision {public_id(number)}")
    if found.reason is not None:
        return Voided(public_id(number), found.reason, int(found.voided_at or 0))
    if number in rows:
        return Voided(public_id(number), rows[number].reason, rows[number].voided_at)
    if reason == REPLAY_REJECTED and found.clock_now is None:
        return InvalidError([Fault("/reason", f"{REPLAY_REJECTED} is for experiments on the caller's clock")])
    at = now() if found.clock_now is None else found.clock_now
    if found.joined or at >= found.matures_at:
        return ConflictError(f"{public_id(number)} has matured: what it earned is counted")
    rows[number] = VoidRow(number, reason, at)
    return Voided(public_id(number), reason, at)
