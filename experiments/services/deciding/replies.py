"""Rows and refusals as the contract writes them, and as results of batches keep them."""

from collections.abc import Mapping
from typing import NamedTuple

from experiments.model.deciding.decisions import DecisionRow
from experiments.model.deciding.record import Record, decode_record
from experiments.model.designing.definition import ArmDefinition
from experiments.model.designing.limit_plan import SUPPRESSED
from experiments.model.ids import public_id
from experiments.model.times import to_datetime
from experiments.services.deciding.messages import Decision, Reason


class AssignmentAnswer(NamedTuple):
    """An answer before it is written out: its row, None where nothing was drawn, and the arms of the row's revision.

    `record` is the row's where it is at hand; `withheld`: the unit may not be contacted now; `erased_as`: what stands
    in the place of the unit of an erased person.
    """

    reason: Reason
    revision: int
    row: DecisionRow | None = None
    arms_by_key: Mapping[str, ArmDefinition] = {}
    record: Record | None = None
    withheld: bool = False
    erased_as: str | None = None


def written(key: str, unit_id: str, settled: AssignmentAnswer) -> Decision:
    """The reply of an answer."""
    if settled.row is None:
        return Decision(key, settled.revision, unit_id, False, settled.reason)
    reply = reply_of(key, settled.arms_by_key, settled.row, settled.record, settled.reason)
    return withhold(reply) if settled.withheld else reply


def withhold(reply: Decision) -> Decision:
    """The same decision of a unit that may not be contacted now."""
    reply.payload, reply.withheld = None, SUPPRESSED
    return reply


def reply_of(
    key: str, arms_by_key: Mapping[str, ArmDefinition], row: DecisionRow, record: Record | None, reason: Reason
) -> Decision:
    """The reply for a row; its record is decoded where it is not given. `arms_by_key`: those of the row's revision."""
    arm = arms_by_key[row.arm]
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
        arm.event_type,
        arm.reward_kind,
        arm.reward_amount,
        arm.payload,
        row.propensity,
        dict(zip(evidence.eligible, evidence.pmf, strict=True)),
        row.snapshot_id,
        row.epoch,
        row.attempt,
        row.mode,  # type: ignore[arg-type]  # the column only ever holds a Mode
        to_datetime(row.decided_at),
        to_datetime(row.expires_at),
    )
