"""How many decisions mature when. Import it from `tables`."""

from sqlalchemy import BigInteger, Column, Integer
from sqlmodel import Field, SQLModel


class MaturitySlot(SQLModel, table=True):
    """Decisions of a revision that mature in one slot of ten minutes (see `store.maturity`), once all are known.

    So that a readout need not count the open decisions one by one. How far a revision is counted is its cursor
    `open:N` in join_cursors.
    """

    __tablename__ = "maturity_slots"
    __table_args__ = ({"sqlite_with_rowid": False},)
    experiment_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    revision: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    slot: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    decisions: int = Field(sa_column=Column(BigInteger, nullable=False))
