"""Out to other systems: where assignments go, what was sent, and units that were shown the control without a decision.

Import them from `tables`.
"""

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Text
from sqlmodel import Field, SQLModel

from experiments.model.tables.columns import Json, serial


class DestinationEntry(SQLModel, table=True):
    """A place that assignments are pushed to. Secrets are names of environment variables, never their values.

    `kind` is a name in DESTINATIONS; `signing_env` holds the webhook secret, `credential_env` what the receiver's own
    authentication takes.
    """

    __tablename__ = "destinations"
    id: int | None = serial()
    key: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    url: str = Field(sa_column=Column(Text, nullable=False))
    signing_env: str | None = Field(default=None, sa_column=Column(Text))
    credential_env: str | None = Field(default=None, sa_column=Column(Text))
    batch_size: int
    options: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    created_by: str = Field(sa_column=Column(Text, nullable=False))
    deleted_at: int | None = Field(default=None, sa_column=Column(BigInteger))


class Delivery(SQLModel, table=True):
    """Assignments of one experiment on their way out: pushed to a destination, or kept as a file to be fetched.

    `status`: ready (a file), queued, running, waiting (for the next attempt), done, dead, cancelled. Decisions in
    (`after`, `through`] are its own; everything up to `cursor` is dealt with, so that a process that dies repeats one
    batch at most. `attempts` counts those of the batch under way.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("ix_deliveries_status", "status"),
        Index("ix_deliveries_experiment_id", "experiment_id", "id"),
    )
    id: int | None = serial()
    experiment_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    destination_id: int | None = Field(default=None, sa_column=Column(BigInteger))
    format: str = Field(sa_column=Column(Text, nullable=False))
    status: str = Field(sa_column=Column(Text, nullable=False))
    request: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    after: int = Field(sa_column=Column(BigInteger, nullable=False))
    through: int = Field(sa_column=Column(BigInteger, nullable=False))
    cursor: int = Field(sa_column=Column(BigInteger, nullable=False))
    sent: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    refused: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    skipped: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    withheld: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    batches: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    attempts: int = 0
    next_attempt_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    heartbeat_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    error: str | None = Field(default=None, sa_column=Column(Text))
    refusals: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    created_by: str = Field(sa_column=Column(Text, nullable=False))
    finished_at: int | None = Field(default=None, sa_column=Column(BigInteger))


class FallbackExposure(SQLModel, table=True):
    """A unit that was shown the control because no decision could be had. It is no decision and never becomes one.

    `decision_id` is the decision that the failed call made after all, unknown to its caller; `voided` whether it was
    voided for it.
    """

    __tablename__ = "fallback_exposures"
    __table_args__ = (Index("ix_fallback_exposures_unit", "experiment_id", "unit_id", "at"),)
    id: int | None = serial()
    exposure_id: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    experiment_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    unit_id: str = Field(sa_column=Column(Text, nullable=False))
    arm: str = Field(sa_column=Column(Text, nullable=False))
    at: int = Field(sa_column=Column(BigInteger, nullable=False))
    received_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    decision_id: int | None = Field(default=None, sa_column=Column(BigInteger))
    voided: bool = False
