"""Inactivity segments: how each is made, who is in it, who moved, and what each refresh found. Import from `tables`.

What a decision sees of them lies in `units.segments`, beside the profile: one read gives all.
"""

from typing import Any

from sqlalchemy import BigInteger, Column, Float, Index, Text
from sqlmodel import Field, SQLModel

from experiments.model.tables.columns import Json, serial


class Segment(SQLModel, table=True):
    """A way to put units into groups. `kind` names it in SEGMENTERS; `due_at` is when it is refreshed next.

    One that was dropped stays until the worker has taken it out of all units.

    `refresh_every` in microseconds; None: only when asked. `drift_threshold` is a population stability index.
    """

    __tablename__ = "segments"
    id: int | None = serial()
    key: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    name: str = Field(sa_column=Column(Text, nullable=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    params: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    refresh_every: int | None = Field(default=None, sa_column=Column(BigInteger))
    drift_threshold: float = Field(sa_column=Column(Float, nullable=False))
    due_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    dropped_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    defined_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    created_by: str = Field(sa_column=Column(Text, nullable=False))


class SegmentMember(SQLModel, table=True):
    """A unit in a segment, under one of its values, since an instant."""

    __tablename__ = "segment_members"
    segment_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    unit_id: str = Field(sa_column=Column(Text, primary_key=True))
    value: str = Field(sa_column=Column(Text, nullable=False))
    features: str | None = Field(default=None, sa_column=Column(Text))
    since: int = Field(sa_column=Column(BigInteger, nullable=False))


class SegmentChange(SQLModel, table=True):
    """The history of membership: a unit's value before (None: outside) and after (None: left)."""

    __tablename__ = "segment_changes"
    __table_args__ = (
        Index("ix_segment_changes_segment_id", "segment_id", "id"),
        Index("ix_segment_changes_unit_id", "unit_id"),
    )
    id: int | None = serial()
    segment_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    unit_id: str = Field(sa_column=Column(Text, nullable=False))
    before: str | None = Field(default=None, sa_column=Column(Text))
    after: str | None = Field(default=None, sa_column=Column(Text))
    changed_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class SegmentRefresh(SQLModel, table=True):
    """One refresh: `status` running, done or failed; sizes by value, moves as [before, after, units], drift as PSI.

    Its moves are those with ids above the `last_change` of the done refresh before, up to its own.
    """

    __tablename__ = "segment_refreshes"
    __table_args__ = (Index("ix_segment_refreshes_segment_id", "segment_id", "id"),)
    id: int | None = serial()
    segment_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    status: str = Field(sa_column=Column(Text, nullable=False))
    last_change: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    units: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    sizes: dict[str, int] = Field(sa_column=Column(Json, nullable=False))
    flow: list[Any] = Field(sa_column=Column(Json, nullable=False))
    drift: float | None = Field(default=None, sa_column=Column(Float))
    model: dict[str, Any] | None = Field(default=None, sa_column=Column(Json))
    error: str | None = Field(default=None, sa_column=Column(Text))
    started_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    heartbeat_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    finished_at: int | None = Field(default=None, sa_column=Column(BigInteger))
