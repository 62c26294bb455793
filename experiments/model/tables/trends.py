"""Tiers of time: for trends, and for readouts of a part of the time. Import them from `tables`."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Text
from sqlmodel import Field, SQLModel


class HourTotals(SQLModel, table=True):
    """Hours over all segments: what is shown of everyone reads one row for each day and arm, however many segments.

    Kept by the joiner beside the hourly tier, in the same transaction; equal to its sums but for the order of adding.
    `day` counts from 1970 in UTC. `sums` are little-endian float64: for each metric, in the order of rollup_metrics,
    24 counts of rounds that are not zero and 24 totals; metrics after the end of `sums` are zero.
    """

    __tablename__ = "rollup_hour_totals"
    __table_args__ = ({"sqlite_with_rowid": False},)
    experiment_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    day: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    revision: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    variant: str = Field(sa_column=Column(Text, primary_key=True))
    arm: str = Field(sa_column=Column(Text, primary_key=True))
    voided: bool = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    sums: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class DailyRollup(SQLModel, table=True):
    """Third tier: finished days, added up from the hours once nothing can change them any more.

    `day` counts from 1970 in the experiment's time zone. Rows of every segment, and their sum under the segment `*`
    (a name that no segment has: see `EVERYONE`), so that a trend is one contiguous read.
    """

    __tablename__ = "rollup_daily"
    __table_args__ = ({"sqlite_with_rowid": False},)
    experiment_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    segment: str = Field(sa_column=Column(Text, primary_key=True))
    day: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    variant: str = Field(sa_column=Column(Text, primary_key=True))
    arm: str = Field(sa_column=Column(Text, primary_key=True))
    voided: bool = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    metric: str = Field(sa_column=Column(Text, primary_key=True))
    rounds: int = Field(sa_column=Column(BigInteger, nullable=False))
    total: float


class DailyProgress(SQLModel, table=True):
    """Days before `through` are in the daily tier."""

    __tablename__ = "daily_progress"
    experiment_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    through: int = Field(sa_column=Column(Integer, nullable=False))


EVERYONE = "*"
"""The segment under which all are added up. Not a value that `segments.by` gives on its own: see `days_of`."""
