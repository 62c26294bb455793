"""Decisions as their readers see them: the whole record, with its outcomes and how it came about."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine
from sqlmodel import Session

from experiments.errors import Fault, InvalidError, NotFoundError
from experiments.model.access.principal import Principal, require
from experiments.model.deciding.decisions import DecisionRow
from experiments.model.deciding.record import Record, decode_record
from experiments.model.deciding.rederiving import Body, Rederived, Rederiver
from experiments.model.designing.definition import Definition
from experiments.model.ids import decision_number, public_id
from experiments.model.tables.core import Experiment, Revision
from experiments.model.tables.workers import Snapshot
from experiments.model.times import now, to_rfc3339
from experiments.store.core.engine import reading
from experiments.store.deciding.decision_reads import Filter, decision, decisions_page, outcomes_of, rounds_of, voids_of
from experiments.store.designing.experiments import find
from experiments.views.paging import Wanted, page

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which decisions of an experiment: of a unit, decided within [start, end)."""

    unit_id: str | None = None
    start: int | None = None
    end: int | None = None


def decision_document(engine: Engine, principal: Principal, decision_id: str) -> Document:
    """One decision, derived again on the spot. Raises ForbiddenError, NotFoundError."""
    require(principal, "read")
    with reading(engine) as session:
        row = _found(session.connection(), decision_id)
        experiment = session.get_one(Experiment, row.experiment_id)
        (document,) = _documents(session, experiment, [row])
        rederiver = Rederiver(
            experiment.salt, lambda number: _definition(session, experiment, number), _bodies(session)
        )
        others = [one.key for one in _definition(session, experiment, row.revision).variants if one.key != row.variant]
        elsewhere = {key: pmf for key in others if (pmf := rederiver.pmf_under(row, key)) is not None}
        return {**document, "explanation": _explanation(row, rederiver.check(row)), "under_other_variants": elsewhere}


def decisions(engine: Engine, principal: Principal, key: str, wanted: Wanted, chosen: Chosen) -> Document:
    """A page of an experiment's decisions, newest first. Raises ForbiddenError, NotFoundError, InvalidError."""
    require(principal, "read")
    if chosen.unit_id is not None and "\0" in chosen.unit_id:
        raise InvalidError([Fault("", "query parameter unit_id: must not contain NUL")])
    with reading(engine) as session:
        experiment = find(session, key)
        span = Filter(chosen.unit_id, chosen.start, chosen.end, wanted.after, wanted.limit + 1)
        rows = decisions_page(session.connection(), int(experiment.id or 0), span)
        documents = {
            document["decision_id"]: document for document in _documents(session, experiment, rows[: wanted.limit])
        }
        return page(rows, wanted, lambda row: row.id, lambda row: documents[public_id(row.id)])


def _found(connection: Connection, decision_id: str) -> DecisionRow:
    try:
        row = decision(connection, decision_number(decision_id))
    except ValueError as error:
        raise NotFoundError(f"there is no decision {decision_id[:40]!r}: {error}") from error
    if row is None:
        raise NotFoundError(f"there is no decision {decision_id!r}")
    return row


def _documents(session: Session, experiment: Experiment, rows: Sequence[DecisionRow]) -> list[Document]:
    connection = session.connection()
    ids = [row.id for row in rows]
    voids, rounds = voids_of(connection, ids), rounds_of(connection, ids)
    clock = experiment.clock_now if experiment.definition.get("clock") == "caller" else now()
    return [
        {
            **_head(experiment.key, row, decode_record(row.record)),
            "void": _void(voids.get(row.id)),
            "matured": row.id in rounds or (clock is not None and clock > row.matures_at),
            "round": _round(rounds.get(row.id)),
            "outcomes": [_outcome(found) for found in outcomes_of(connection, row)],
        }
        for row in rows
    ]


def _head(key: str, row: DecisionRow, record: Record) -> Document:
    return {
        "decision_id": public_id(row.id),
        "experiment": key,
        "revision": row.revision,
        "unit_id": row.unit_id,
        "epoch": row.epoch,
        "attempt": row.attempt,
        "variant": row.variant,
        "arm": row.arm,
        "propensity": row.propensity,
        "pmf": dict(zip(record.eligible, record.pmf, strict=True)),
        "mode": row.mode,
        "policy": record.policy,
        "snapshot_id": row.snapshot_id,
        "decided_at": to_rfc3339(row.decided_at),
        "expires_at": to_rfc3339(row.expires_at),
        "matures_at": to_rfc3339(row.matures_at),
        "idempotency_key": row.idempotency_key,
        "context": record.context,
        "eligible": record.eligible,
        "excluded": record.excluded,
        "floor": record.floor,
        "weights": record.weights,
        "costs": record.costs,
        "snapshots": record.snapshots,
        "shadow": record.shadow,
        "shadow_price": record.shadow_price,
        "feature_version": record.feature_version,
        "history_version": record.history_version,
        "segment": record.segment,
        "erased": record.erased,
    }


def _void(found: tuple[str, int] | None) -> Document | None:
    return None if found is None else {"reason": found[0], "voided_at": to_rfc3339(found[1])}


def _round(found: tuple[float, Any] | None) -> Document | None:
    if found is None:
        return None
    reward, metrics = found
    return {"reward": reward, "metrics": json.loads(metrics) if isinstance(metrics, str) else metrics}


def _outcome(found: dict[str, Any]) -> Document:
    named = found["decision_id"]
    return {
        "event_id": found["event_id"],
        "source": found["source"],
        "decision_id": None if named is None else public_id(named),
        "unit_id": found["unit_id"],
        "kind": found["kind"],
        "value": found["value"],
        "occurred_at": to_rfc3339(found["occurred_at"]),
        "received_at": to_rfc3339(found["received_at"]),
        "class": found["outcome_class"],
        "properties": None if found["properties"] is None else json.loads(found["properties"]),
    }


def _explanation(row: DecisionRow, found: Rederived) -> Document:
    return {
        "sentence": _sentence(row, found),
        "draw": found.draw,
        "same_draw": found.same_draw,
        "pmf_difference": found.pmf_difference,
        "same_pmf": found.same_pmf,
        "reason": found.reason,
    }


def _sentence(row: DecisionRow, found: Rederived) -> str:
    if found.erased:
        return "The person was erased; what was drawn and with which probability is all that is left."
    if row.mode == "forced":
        return f"{row.arm} was forced for a test; nothing was drawn."
    source = f"snapshot {row.snapshot_id}" if row.snapshot_id is not None else f"the {row.mode} policy"
    return (
        f"The unit's variant is {row.variant}; {source} gave {row.arm} a probability of {row.propensity:.4g}, "
        f"and the number {found.draw:.6f} of epoch {row.epoch}, attempt {row.attempt} drew it."
    )


def _definition(session: Session, experiment: Experiment, number: int) -> Definition:
    return Definition.model_validate(session.get_one(Revision, (experiment.id, number)).definition)


def _bodies(session: Session) -> Callable[[int], Body | None]:
    def body_of(number: int) -> Body | None:
        found = session.get(Snapshot, number)
        return None if found is None else (found.body, found.sha256)

    return body_of
