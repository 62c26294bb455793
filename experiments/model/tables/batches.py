"""Batch decisions: what was asked for, and how far it came. Import from `tables`."""

import json
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Text
from sqlmodel import Field, SQLModel

from experiments.model.tables.columns import Json, serial

WHOLE = "result.parquet"
"""What the whole result of a batch is called."""


class DecisionBatch(SQLModel, table=True):
    """Decisions for a whole base. `status`: queued, running, done, failed or cancelled; one is failed, too, that came
    to its end and left nobody with a decision.

    `asked_at` is the instant at which all of its units are asked for, whenever they are decided. `position` is where
    its source goes on and `parts` how many files of the result are complete: both move together, after the decisions
    were committed and the file was written. `counts` are of answers by reason; `report` holds
    the counts of arms, of decisions that left arms out by reason, and when a reason was first met.
    """

    __tablename__ = "batches"
    __table_args__ = (Index("ix_batches_experiment_id", "experiment_id", "id"), Index("ix_batches_status", "status"))
    id: int | None = serial()
    experiment_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    status: str = Field(sa_column=Column(Text, nullable=False))
    request: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    total: int | None = Field(default=None, sa_column=Column(BigInteger))
    done: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    position: str | None = Field(default=None, sa_column=Column(Text))
    parts: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    counts: dict[str, int] = Field(sa_column=Column(Json, nullable=False))
    report: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))
    error: str | None = Field(default=None, sa_column=Column(Text))
    asked_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    created_by: str = Field(sa_column=Column(Text, nullable=False))
    started_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    heartbeat_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    finished_at: int | None = Field(default=None, sa_column=Column(BigInteger))

    @property
    def is_whole(self) -> bool:
        """Whether the result is one file with the answer of every row."""
        return self.position is not None and json.loads(self.position)["files"] == [WHOLE]
