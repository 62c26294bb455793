"""The portfolio's tier: units on both sides of the global holdout, and what they did by day. Import from `tables`."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Text
from sqlmodel import Field, SQLModel


class HeldOutAsk(SQLModel, table=True):
    """A globally held-out unit asked for the first time when it would have been decided for; written on the hot path.

    It waits here until a decision of that instant would have matured, then becomes a PortfolioUnit.
    """

    __tablename__ = "held_out_asks"
    __table_args__ = (Index("ix_held_out_asks_matures_at", "matures_at"), {"sqlite_with_rowid": False})
    unit_id: str = Field(sa_column=Column(Text, primary_key=True))
    asked_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    matures_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class PortfolioUnit(SQLModel, table=True):
    """A unit on its side of the global holdout since its first decision, or since it would have had one.

    `share` is the holdout's share at that moment, in millionths: units enrolled under equal shares are comparable.
    `returned_at` is when it first came back since.
    """

    __tablename__ = "portfolio_units"
    __table_args__ = ({"sqlite_with_rowid": False},)
    unit_id: str = Field(sa_column=Column(Text, primary_key=True))
    share: int = Field(sa_column=Column(Integer, nullable=False))
    held_out: bool = Field(sa_column=Column(Integer, nullable=False))
    bucket: int = Field(sa_column=Column(Integer, nullable=False))
    enrolled_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    returned_at: int | None = Field(default=None, sa_column=Column(BigInteger))


class PortfolioSum(SQLModel, table=True):
    """Sums of a metric over a day (UTC, days since 1970) by 256 buckets of units, as little-endian float64."""

    __tablename__ = "portfolio_sums"
    __table_args__ = ({"sqlite_with_rowid": False},)
    day: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    share: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    held_out: bool = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    metric: str = Field(sa_column=Column(Text, primary_key=True))
    sums: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class PortfolioCursor(SQLModel, table=True):
    """How far the tier has come: `rounds` and `outcomes` by their numbers, `through` as an instant."""

    __tablename__ = "portfolio_cursors"
    name: str = Field(sa_column=Column(Text, primary_key=True))
    value: int = Field(sa_column=Column(BigInteger, nullable=False))
