"""What one layer tells a higher one, or others: written in the transaction of the change. Import from `tables`."""

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Text
from sqlmodel import Field, SQLModel

from experiments.model.tables.columns import Json, serial


class OutboxMessage(SQLModel, table=True):
    """A message that waits to be published; deleted once it was (at least once, in the order of a subject).

    `topic` says what it is (`alerts`, `snapshots`, `changes`); messages of one `subject` keep their order.
    """

    __tablename__ = "outbox_messages"
    __table_args__ = (Index("ix_outbox_messages_topic", "topic", "id"),)
    id: int | None = serial()
    topic: str = Field(sa_column=Column(Text, nullable=False))
    subject: str = Field(sa_column=Column(Text, nullable=False))
    body: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class Alert(SQLModel, table=True):
    """Something that a person should know: a breaker that tripped, a stop rule that was met, a budget that runs out.

    `severity`: info, warning, critical. `experiment_id` is empty where it is about the whole service. The same `name`
    is raised once until it is acknowledged or resolved.
    """

    __tablename__ = "alerts"
    __table_args__ = (Index("ix_alerts_experiment_id", "experiment_id", "id"),)
    id: int | None = serial()
    experiment_id: int | None = Field(default=None, sa_column=Column(BigInteger))
    name: str = Field(sa_column=Column(Text, nullable=False))
    severity: str = Field(sa_column=Column(Text, nullable=False))
    title: str = Field(sa_column=Column(Text, nullable=False))
    detail: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    raised_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    acknowledged_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    acknowledged_by: str | None = Field(default=None, sa_column=Column(Text))
    resolved_at: int | None = Field(default=None, sa_column=Column(BigInteger))
