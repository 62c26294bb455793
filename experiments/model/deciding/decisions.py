"""One row of the log of decisions, as everything that reads or writes it by hand sees it."""

from typing import NamedTuple

MAX_INSTANT = 32_503_680_000_000_000
"""Year 3000 in microseconds: windows are cut there, so that every instant can be written as a date."""


class DecisionRow(NamedTuple):
    """One row of `decisions`, in the order of its columns."""

    id: int
    experiment_id: int
    unit_id: str
    epoch: int
    attempt: int
    revision: int
    variant: str
    arm: str
    propensity: float
    mode: str
    snapshot_id: int | None
    decided_at: int
    expires_at: int
    matures_at: int
    idempotency_key: str | None
    record: str

    @property
    def place(self) -> tuple[int, str, int, int]:
        """What makes a decision unique: experiment, unit, epoch, attempt."""
        return self.experiment_id, self.unit_id, self.epoch, self.attempt


COLUMNS = DecisionRow._fields
