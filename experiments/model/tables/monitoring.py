"""What monitoring remembers: trips of the circuit breaker, and plans that people asked for. Import from `tables`."""

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, Text
from sqlmodel import Field, SQLModel

from experiments.model.tables.columns import Json, serial


class GuardrailTrip(SQLModel, table=True):
    """A variant or an arm that a guardrail has paused, until a person resumes it.

    Evidence counts decisions from `rearmed_revision` on, so that what tripped it once does not trip it again.
    """

    __tablename__ = "guardrail_trips"
    __table_args__ = (Index("ix_guardrail_trips_experiment_id", "experiment_id"),)
    id: int | None = serial()
    experiment_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    subject: str = Field(sa_column=Column(Text, nullable=False))
    detail: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    tripped_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    ended_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    ended_by: str | None = Field(default=None, sa_column=Column(Text))
    rearmed_revision: int | None = Field(default=None, sa_column=Column(Integer))


class PlanRequest(SQLModel, table=True):
    """A plan before launch: what was asked, and what came of it. `status`: queued, running, done, failed."""

    __tablename__ = "plans"
    __table_args__ = (Index("ix_plans_status", "status"),)
    id: int | None = serial()
    status: str = Field(sa_column=Column(Text, nullable=False))
    request: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    document: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    result: dict[str, Any] | None = Field(default=None, sa_column=Column(Json))
    error: str | None = Field(default=None, sa_column=Column(Text))
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    created_by: str = Field(sa_column=Column(Text, nullable=False))
    started_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    finished_at: int | None = Field(default=None, sa_column=Column(BigInteger))
