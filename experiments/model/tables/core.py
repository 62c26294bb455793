"""The tables. The same on SQLite and PostgreSQL; every instant is a BIGINT of microseconds (see times).

Append-only: revisions, decisions, voids, outcomes, logged_rounds, snapshots, audit_entries.
"""

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from experiments.model.tables.columns import Json, Serial, serial


class Experiment(SQLModel, table=True):
    """An experiment's head: its state and the definition in force. `version` rises with every change of any kind."""

    __tablename__ = "experiments"
    id: int | None = serial()
    key: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    salt: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    status: str = Field(sa_column=Column(Text, nullable=False))
    version: int = Field(default=1, sa_column=Column(BigInteger, nullable=False))
    revision: int = 1
    definition: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    clock_now: int | None = Field(default=None, sa_column=Column(BigInteger))
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    started_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    stopped_at: int | None = Field(default=None, sa_column=Column(BigInteger))


class Revision(SQLModel, table=True):
    """One version of an experiment's definition, as it was when decisions were made under it.

    `cap_origin`: what its cap on revenue was proposed from and taken at the start; null where a person stated it.
    """

    __tablename__ = "revisions"
    experiment_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    number: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    definition: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    opened_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    cap_origin: str | None = Field(default=None, sa_column=Column(Text))


class Adjustment(SQLModel, table=True):
    """A manual adjustment of kind `enabled` (value 0 or 1), `cost` or `weight`, until it expires or is ended."""

    __tablename__ = "adjustments"
    __table_args__ = (Index("ix_adjustments_experiment_id", "experiment_id"),)
    id: int | None = serial()
    experiment_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    arm: str = Field(sa_column=Column(Text, nullable=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    value: float
    reason: str = Field(sa_column=Column(Text, nullable=False))
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    created_by: str = Field(sa_column=Column(Text, nullable=False))
    expires_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    ended_at: int | None = Field(default=None, sa_column=Column(BigInteger))


class Decision(SQLModel, table=True):
    """One append-only record. `record` is JSON text with all that the pmf depended on (see model.record)."""

    __tablename__ = "decisions"
    __table_args__ = (
        # The unit comes first, so that this one index also finds a unit's decisions in every experiment: each random
        # page that an insert touches costs the hot path.
        UniqueConstraint("unit_id", "experiment_id", "epoch", "attempt"),
        Index(
            "uq_decisions_idempotency_key",
            "experiment_id",
            "idempotency_key",
            "attempt",
            unique=True,
            sqlite_where=Column("idempotency_key").is_not(None),
            postgresql_where=Column("idempotency_key").is_not(None),
        ),
        Index("ix_decisions_matures_at", "experiment_id", "matures_at"),
    )
    id: int = Field(sa_column=Column(Serial, primary_key=True, autoincrement=False))
    experiment_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    unit_id: str = Field(sa_column=Column(Text, nullable=False))
    epoch: int
    attempt: int
    revision: int
    variant: str = Field(sa_column=Column(Text, nullable=False))
    arm: str = Field(sa_column=Column(Text, nullable=False))
    propensity: float
    mode: str = Field(sa_column=Column(Text, nullable=False))
    snapshot_id: int | None = Field(default=None, sa_column=Column(BigInteger))
    decided_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    expires_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    matures_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    idempotency_key: str | None = Field(default=None, sa_column=Column(Text))
    record: str = Field(sa_column=Column(Text, nullable=False))


class Void(SQLModel, table=True):
    """A decision that was never delivered."""

    __tablename__ = "voids"
    __table_args__ = (Index("ix_voids_voided_at", "voided_at"),)
    decision_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    reason: str = Field(sa_column=Column(Text, nullable=False))
    voided_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class Outcome(SQLModel, table=True):
    """One event of a unit, kept whatever its class; attribution is a pure function of outcomes and decisions (joiner).

    `received_at` is on the server's clock; `received_clock` is the experiment's clock then, where the outcome named
    a decision of an experiment that runs on the caller's clock.
    """

    __tablename__ = "outcomes"
    __table_args__ = (
        UniqueConstraint("source", "event_id"),
        Index("ix_outcomes_decision_id", "decision_id"),
        Index("ix_outcomes_unit_id", "unit_id", "occurred_at"),
    )
    id: int | None = serial()
    source: str = Field(sa_column=Column(Text, nullable=False))
    event_id: str = Field(sa_column=Column(Text, nullable=False))
    decision_id: int | None = Field(default=None, sa_column=Column(BigInteger))
    unit_id: str | None = Field(default=None, sa_column=Column(Text))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    value: float | None = None
    occurred_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    received_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    received_clock: int | None = Field(default=None, sa_column=Column(BigInteger))
    outcome_class: str = Field(sa_column=Column(Text, nullable=False))
    properties: str | None = Field(default=None, sa_column=Column(Text))


class Unit(SQLModel, table=True):
    """A profile: what is stored of a unit and joined with the caller's context.

    `facts` is what its history comes down to (bandit.history), as JSON text; they lie beside the profile so that a
    decision reads both at once; so do `segments`, the unit's segments and their features by name. `updated_at` and
    `segments_at` are when the profile and the segments were last written: a decision of before does not see them.
    """

    __tablename__ = "units"
    unit_id: str = Field(sa_column=Column(Text, primary_key=True))
    profile: str = Field(sa_column=Column(Text, nullable=False))
    updated_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    facts: str | None = Field(default=None, sa_column=Column(Text))
    facts_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    segments: str | None = Field(default=None, sa_column=Column(Text))
    segments_at: int | None = Field(default=None, sa_column=Column(BigInteger))


class ServiceSetting(SQLModel, table=True):
    """A setting of the whole service, such as the global holdout's share and salt."""

    __tablename__ = "service_settings"
    name: str = Field(sa_column=Column(Text, primary_key=True))
    value: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))


class AuditEntry(SQLModel, table=True):
    """Who did what. Each entry holds the digest of the one before, so that a change in the past shows.

    `number` counts without gaps. `sealed_by` names the key that `digest` was made with, which is not in the database;
    entries from before there was one have none, and a plain hash.
    """

    __tablename__ = "audit_entries"
    id: int | None = serial()
    at: int = Field(sa_column=Column(BigInteger, nullable=False))
    actor: str = Field(sa_column=Column(Text, nullable=False))
    action: str = Field(sa_column=Column(Text, nullable=False))
    target: str = Field(sa_column=Column(Text, nullable=False))
    detail: str = Field(sa_column=Column(Text, nullable=False))
    previous: str = Field(sa_column=Column(Text, nullable=False))
    digest: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    sealed_by: str | None = Field(default=None, sa_column=Column(Text))
    number: int = Field(sa_column=Column(BigInteger, nullable=False, unique=True))


class Replay(SQLModel, table=True):
    """An off-policy evaluation of a live experiment: what was asked, how far it is, what came of it.

    `status`: queued, running, done, failed, cancelled. A running one whose `heartbeat_at` is old lost its process and
    starts anew.
    """

    __tablename__ = "replays"
    __table_args__ = (Index("ix_replays_status", "status"),)
    id: int | None = serial()
    experiment_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    status: str = Field(sa_column=Column(Text, nullable=False))
    request: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    stage: str = Field(default="waiting", sa_column=Column(Text, nullable=False))
    progress: float = 0.0
    result: dict[str, Any] | None = Field(default=None, sa_column=Column(Json))
    error: str | None = Field(default=None, sa_column=Column(Text))
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    created_by: str = Field(sa_column=Column(Text, nullable=False))
    heartbeat_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    finished_at: int | None = Field(default=None, sa_column=Column(BigInteger))
