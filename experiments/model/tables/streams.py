"""What streams leave in the database: dead letters, how far publishing got, the arm catalogue. Import from `tables`."""

from typing import Any

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Text
from sqlmodel import Field, SQLModel

from experiments.model.tables.columns import Json, serial


class DeadLetter(SQLModel, table=True):
    """A message, or one row of one, that could not be taken; kept as it came until somebody replays it.

    `digest` is the SHA-256 of stream and body: a redelivery is not kept twice. `replayed_at` is empty again where the
    replayed message came back as malformed as before.
    """

    __tablename__ = "dead_letters"
    __table_args__ = (Index("ix_dead_letters_replayed_at", "replayed_at", "id"),)
    id: int | None = serial()
    digest: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    stream: str = Field(sa_column=Column(Text, nullable=False))
    reason: str = Field(sa_column=Column(Text, nullable=False))
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    died_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    replayed_at: int | None = Field(default=None, sa_column=Column(BigInteger))


class StreamCursor(SQLModel, table=True):
    """How far the decisions are published: every id below `through`; `recent` counts those of the latest seconds."""

    __tablename__ = "stream_cursors"
    name: str = Field(sa_column=Column(Text, primary_key=True))
    through: int = Field(sa_column=Column(BigInteger, nullable=False))
    recent: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))


class CatalogueArm(SQLModel, table=True):
    """An arm as the event-management system has it. `status`: active, withdrawn; `document` is all that it says.

    `changed_at` is the sender's time of the change: an older change that comes later is not applied.
    """

    __tablename__ = "catalogue_arms"
    id: int | None = serial()
    key: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    status: str = Field(sa_column=Column(Text, nullable=False))
    document: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    changed_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    updated_at: int = Field(sa_column=Column(BigInteger, nullable=False))
