"""The worker's tables: what it joins, learns and adds up, and how far it came. Import them from `tables`."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Text
from sqlmodel import Field, SQLModel

from experiments.model.tables.columns import Json, serial


class LoggedRound(SQLModel, table=True):
    """Decision joined with its outcomes, once it matured. `seq` is the joiner's own order, what learners watermark by.

    `seq` rises in the order (matures_at, decision_id). `metrics` maps metric → number, zeros left out; `learnable` is
    false for voided and forced decisions.
    """

    __tablename__ = "logged_rounds"
    __table_args__ = (Index("ix_logged_rounds_experiment_id", "experiment_id", "seq"),)
    seq: int | None = serial()
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
    seq: int | None = serial()
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
    id: int | None = serial()
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


class VariantTotals(SQLModel, table=True):
    """The same sums of variants, over all arms and segments: lists of campaigns read a few rows for each.

    Kept by the joiner beside the totals, in the same transaction; equal to their sums but for the order of adding.
    """

    __tablename__ = "rollup_variants"
    __table_args__ = ({"sqlite_with_rowid": False},)
    experiment_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    revision: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    variant: str = Field(sa_column=Column(Text, primary_key=True))
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
