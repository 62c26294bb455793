"""Rows and refusals as the contract writes them."""

from collections.abc import Mapping

from experiments.model.decisions import DecisionRow
from experiments.model.definition import ArmDefinition
from experiments.model.ids import public_id
from experiments.model.record import Record, decode_record
from experiments.model.times import to_datetime
from experiments.services.deciding.messages import Assignment, Decision, Reason
from experiments.services.deciding.plan import Plan


def refused(plan: Plan, request: Assignment, reason: Reason) -> Decision:
    """The reply where nothing was drawn."""
    return Decision(plan.key, plan.revision, request.unit_id, False, reason)


def reply_of(
    key: str, faces: Mapping[str, ArmDefinition], row: DecisionRow, record: Record | None, reason: Reason
) -> Decision:
    """The reply for a row; its record is decoded where it is not given. `faces` are the arms of the row's revision."""
    face = faces[row.arm]
    evidence = decode_record(row.record) if record is None else record
    return Decision(
        key,
        row.revision,
        row.unit_id,
        True,
        reason,
        public_id(row.id),
        row.variant,
        row.arm,
        face.event_type,
        face.reward_kind,
        face.reward_amount,
        face.payload,
        row.propensity,
        dict(zip(evidence.eligible, evidence.pmf, strict=True)),
        row.snapshot_id,
        row.epoch,
        row.attempt,
        row.mode,  # type: ignore[arg-type]  # the column only ever holds a Mode
        to_datetime(row.decided_at),
        to_datetime(row.expires_at),
    )
