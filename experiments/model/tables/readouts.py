"""Sums that readouts of arms and trust checks come from, and A/A runs. Import them from `tables`."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Text
from sqlmodel import Field, SQLModel

from experiments.model.tables.columns import Json, serial


class EligibleSet(SQLModel, table=True):
    """A set of eligible arms, numbered when it is first met; `arms` is a JSON list in the order of the record.

    Once more where it is met in revisions with a cap on revenue per user, `capped`: only these have capped metrics.
    """

    __tablename__ = "eligible_sets"
    experiment_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    place: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    arms: str = Field(sa_column=Column(Text, nullable=False))
    capped: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))


class ArmEra(SQLModel, table=True):
    """A stretch of the joiner's sequence that has one weight in arm contrasts: from `start` to the next era's start.

    `rounds` counts all that were drawn in it, `span` how many eras were merged into it, `opened` maps each variant to
    the snapshot (0: none) that drew its first round of the era.
    """

    __tablename__ = "arm_eras"
    experiment_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    start: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    rounds: int = Field(sa_column=Column(BigInteger, nullable=False))
    span: int
    opened: str = Field(sa_column=Column(Text, nullable=False))


class ArmCell(SQLModel, table=True):
    """Rounds of an adaptive variant that were drawn, delivered and matured, as sums (see offline_eval.ab.adaptive).

    `sums` are little-endian float64 of shape (6 + 6 M, K): for each of the K arms of the eligible set, six sums that no
    metric enters, then six for each metric in the order of `model.arm_metrics`; metrics after the
    end are zero.
    """

    __tablename__ = "arm_cells"
    __table_args__ = ({"sqlite_with_rowid": False},)
    experiment_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    era: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    variant: str = Field(sa_column=Column(Text, primary_key=True))
    segment: str = Field(sa_column=Column(Text, primary_key=True))
    eligible: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    rounds: int = Field(sa_column=Column(BigInteger, nullable=False))
    sums: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class TrustSum(SQLModel, table=True):
    """Sums of one trust check in one group, little-endian float64; what they mean is in model.trust_sums."""

    __tablename__ = "trust_sums"
    __table_args__ = ({"sqlite_with_rowid": False},)
    experiment_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    name: str = Field(sa_column=Column(Text, primary_key=True))
    place: str = Field(sa_column=Column(Text, primary_key=True))
    sums: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class AaRun(SQLModel, table=True):
    """An A/A run over an experiment's own units; life and columns as those of a replay."""

    __tablename__ = "aa_runs"
    __table_args__ = (Index("ix_aa_runs_status", "status"),)
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
