"""The tables. The same on SQLite and PostgreSQL; every instant is a BIGINT of microseconds (see times).

Append-only: revisions, decisions, voids, outcomes, logged_rounds, snapshots, audit_entries.
"""

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, LargeBinary, Text, UniqueConstraint
from sqlalchemy.dialects import postgresql
from sqlmodel import Field, SQLModel

NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
SQLModel.metadata.naming_convention = NAMES

# SQLite only numbers INTEGER keys by itself; JSONB is what PostgreSQL can index.
Serial = BigInteger().with_variant(Integer(), "sqlite")
Json = JSON().with_variant(postgresql.JSONB(), "postgresql")


def _serial() -> Any:
    return Field(default=None, sa_column=Column(Serial, primary_key=True, autoincrement=True))


class Experiment(SQLModel, table=True):
    """An experiment's head: its state and the definition in force. `version` rises with every change of any kind."""

    __tablename__ = "experiments"
    id: int | None = _serial()
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
    """One version of an experiment's definition, as it was when decisions were made under it."""

    __tablename__ = "revisions"
    experiment_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    number: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    definition: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    opened_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class Adjustment(SQLModel, table=True):
    """A manual adjustment of kind `enabled` (value 0 or 1), `cost` or `weight`, until it expires or is ended."""

    __tablename__ = "adjustments"
    __table_args__ = (Index("ix_adjustments_experiment_id", "experiment_id"),)
    id: int | None = _serial()
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
    id: int | None = _serial()
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


class LoggedRound(SQLModel, table=True):
    """Decision joined with its outcomes, once it matured. `seq` is the joiner's own order, what learners watermark by.

    `seq` rises in the order (matures_at, decision_id). `metrics` maps metric → number, zeros left out; `learnable` is
    false for voided and forced decisions.
    """

    __tablename__ = "logged_rounds"
    __table_args__ = (Index("ix_logged_rounds_experiment_id", "experiment_id", "seq"),)
    seq: int | None = _serial()
    decision_id: int = Field(sa_column=Column(BigInteger, nullable=False, unique=True))
    experiment_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    revision: int
    variant: str = Field(sa_column=Column(Text, nullable=False))
    arm: str = Field(sa_column=Column(Text, nullable=False))
    segment: str = Field(default="", sa_column=Column(Text, nullable=False))
    propensity: float
    marginal_propensity: float | None = None
    reward: float
    metrics: dict[str, float] = Field(sa_column=Column(Json, nullable=False))
    decided_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    learnable: bool
    voided: bool


class EarlyRound(SQLModel, table=True):
    """What a learner sees of a decision whose `learning_window` closes before its attribution window.

    `seq` shares the joiner's one sequence with logged_rounds, so that a single watermark covers both.
    """

    __tablename__ = "early_rounds"
    __table_args__ = (Index("ix_early_rounds_experiment_id", "experiment_id", "seq"),)
    seq: int | None = _serial()
    decision_id: int = Field(sa_column=Column(BigInteger, nullable=False, unique=True))
    experiment_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    revision: int
    variant: str = Field(sa_column=Column(Text, nullable=False))
    arm: str = Field(sa_column=Column(Text, nullable=False))
    propensity: float
    marginal_propensity: float | None = None
    reward: float
    learnable: bool


class JoinCursor(SQLModel, table=True):
    """How far the joiner got in the order (matures_at, decision id): everything up to and with `through` is joined.

    Stages: `matured`, and `early:N` for revision N with a learning window.
    """

    __tablename__ = "join_cursors"
    experiment_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    stage: str = Field(sa_column=Column(Text, primary_key=True))
    through: int = Field(sa_column=Column(BigInteger, nullable=False))
    through_id: int = Field(sa_column=Column(BigInteger, nullable=False))


class Snapshot(SQLModel, table=True):
    """An immutable learned policy; `body` is the sealed envelope of bandit.snapshots."""

    __tablename__ = "snapshots"
    __table_args__ = (Index("ix_snapshots_learner", "experiment_id", "variant", "id"),)
    id: int | None = _serial()
    experiment_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    variant: str = Field(sa_column=Column(Text, nullable=False))
    revision: int
    parent_id: int | None = Field(default=None, sa_column=Column(BigInteger))
    sha256: str = Field(sa_column=Column(Text, nullable=False))
    trained_through: int = Field(sa_column=Column(BigInteger, nullable=False))
    rounds: int = Field(sa_column=Column(BigInteger, nullable=False))
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Learner(SQLModel, table=True):
    """The head of one variant's learning; the watermark moves in the transaction that stores the snapshot."""

    __tablename__ = "learners"
    experiment_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    variant: str = Field(sa_column=Column(Text, primary_key=True))
    revision: int
    snapshot_id: int | None = Field(default=None, sa_column=Column(BigInteger))
    trained_through: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))


class TotalsRollup(SQLModel, table=True):
    """First tier: from which every readout comes, by 256 buckets of units, so that errors can be clustered.

    A row holds 16 of a cell's buckets (those with bucket // 16 = part). `sums` are little-endian float64: for each
    metric, in the order of rollup_metrics, 16 counts of rounds that are not zero, 16 totals and 16 sums of squares;
    metrics after the end of `sums` are zero. So a readout of many cells is one read of few rows, and a joined decision
    rewrites one page.
    """

    __tablename__ = "rollup_totals"
    __table_args__ = ({"sqlite_with_rowid": False},)
    experiment_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    revision: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    variant: str = Field(sa_column=Column(Text, primary_key=True))
    arm: str = Field(sa_column=Column(Text, primary_key=True))
    segment: str = Field(sa_column=Column(Text, primary_key=True))
    voided: bool = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    part: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    sums: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class RollupMetric(SQLModel, table=True):
    """Places of metrics in the totals of an experiment, given out when a metric is first not zero; never moved.

    The reserved names `#decisions`, `#units`, `#arm_units` and `#forced` count (see model.rollups).
    """

    __tablename__ = "rollup_metrics"
    experiment_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    place: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    name: str = Field(sa_column=Column(Text, nullable=False))


class HourlyRollup(SQLModel, table=True):
    """Second tier: hours, for trends only."""

    __tablename__ = "rollup_hourly"
    __table_args__ = ({"sqlite_with_rowid": False},)
    experiment_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    hour: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    revision: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    variant: str = Field(sa_column=Column(Text, primary_key=True))
    arm: str = Field(sa_column=Column(Text, primary_key=True))
    segment: str = Field(sa_column=Column(Text, primary_key=True))
    voided: bool = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    metric: str = Field(sa_column=Column(Text, primary_key=True))
    rounds: int = Field(sa_column=Column(BigInteger, nullable=False))
    total: float


class WorkerLease(SQLModel, table=True):
    """Which worker may act; `token` rises with every new holder and fences the old one's transactions."""

    __tablename__ = "worker_leases"
    name: str = Field(sa_column=Column(Text, primary_key=True))
    holder: str = Field(sa_column=Column(Text, nullable=False))
    token: int = Field(sa_column=Column(BigInteger, nullable=False))
    expires_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class Unit(SQLModel, table=True):
    """A profile: what is stored of a unit and joined with the caller's context."""

    __tablename__ = "units"
    unit_id: str = Field(sa_column=Column(Text, primary_key=True))
    profile: str = Field(sa_column=Column(Text, nullable=False))
    updated_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class ServiceSetting(SQLModel, table=True):
    """A setting of the whole service, such as the global holdout's share and salt."""

    __tablename__ = "service_settings"
    name: str = Field(sa_column=Column(Text, primary_key=True))
    value: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))


class ApiKey(SQLModel, table=True):
    """A credential of a system: only the SHA-256 of the key (256 random bits) is kept."""

    __tablename__ = "api_keys"
    id: int | None = _serial()
    name: str = Field(sa_column=Column(Text, nullable=False))
    prefix: str = Field(sa_column=Column(Text, nullable=False))
    digest: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    scopes: str = Field(sa_column=Column(Text, nullable=False))
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    created_by: str = Field(sa_column=Column(Text, nullable=False))
    expires_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    revoked_at: int | None = Field(default=None, sa_column=Column(BigInteger))


class User(SQLModel, table=True):
    """A person: role viewer, analyst, experimenter or admin; the password as an Argon2id hash."""

    __tablename__ = "users"
    id: int | None = _serial()
    email: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    password_hash: str = Field(sa_column=Column(Text, nullable=False))
    role: str = Field(sa_column=Column(Text, nullable=False))
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    disabled_at: int | None = Field(default=None, sa_column=Column(BigInteger))


class AuditEntry(SQLModel, table=True):
    """Who did what. Each entry holds the hash of the one before, so that a change in the past shows."""

    __tablename__ = "audit_entries"
    id: int | None = _serial()
    at: int = Field(sa_column=Column(BigInteger, nullable=False))
    actor: str = Field(sa_column=Column(Text, nullable=False))
    action: str = Field(sa_column=Column(Text, nullable=False))
    target: str = Field(sa_column=Column(Text, nullable=False))
    detail: str = Field(sa_column=Column(Text, nullable=False))
    previous: str = Field(sa_column=Column(Text, nullable=False))
    digest: str = Field(sa_column=Column(Text, nullable=False, unique=True))


class Replay(SQLModel, table=True):
    """An off-policy evaluation of a live experiment: what was asked, how far it is, what came of it.

    `status`: queued, running, done, failed, cancelled. A running one whose `heartbeat_at` is old lost its process and
    starts anew.
    """

    __tablename__ = "replays"
    __table_args__ = (Index("ix_replays_status", "status"),)
    id: int | None = _serial()
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
