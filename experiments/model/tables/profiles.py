"""Imports and the history of units: what came from where, and how far it came. Import from `tables`.

Events themselves are columnar: Parquet files under the data directory, of which `history_parts` is the manifest.
"""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from experiments.model.tables.columns import Json, serial


class Import(SQLModel, table=True):
    """One import: `status` running or done; `position` is where its reader goes on, committed with each batch.

    `source_key` is the same for every import from one source in one way, so that a later one knows the watermark that
    the one before reached; `fingerprint` is that of the content, where a source has one.
    """

    __tablename__ = "imports"
    __table_args__ = (Index("ix_imports_source_key", "source_key", "id"),)
    id: int | None = serial()
    kind: str = Field(sa_column=Column(Text, nullable=False))
    source: str = Field(sa_column=Column(Text, nullable=False))
    source_key: str = Field(sa_column=Column(Text, nullable=False))
    fingerprint: str | None = Field(default=None, sa_column=Column(Text))
    mapping: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    status: str = Field(sa_column=Column(Text, nullable=False))
    position: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    read: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    accepted: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    rejected: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    duplicates: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    started_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    finished_at: int | None = Field(default=None, sa_column=Column(BigInteger))


class HistoryPart(SQLModel, table=True):
    """One Parquet file of events. Only `live` ones are read: an import's become so all at once when it is done.

    `path` is relative to the data directory; a file is never changed, a rewritten one gets another path. `taken_in`
    says that the facts of its units hold its events.
    """

    __tablename__ = "history_parts"
    __table_args__ = (
        UniqueConstraint("import_id", "sequence"),
        Index("ix_history_parts_kind", "kind", "id"),
    )
    id: int | None = serial()
    kind: str = Field(sa_column=Column(Text, nullable=False))
    import_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    sequence: int = Field(sa_column=Column(BigInteger, nullable=False))
    path: str = Field(sa_column=Column(Text, nullable=False))
    rows: int = Field(sa_column=Column(BigInteger, nullable=False))
    first_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    last_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    live: bool = Field(sa_column=Column(Boolean, nullable=False))
    taken_in: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))


class Erasure(SQLModel, table=True):
    """A person who was erased, known by a keyed hash of the id only (see model.erasing); such rows stay.

    Until `lifted_at`, when a profile was put under the id again, nothing of the unit is taken: that made a new person.
    While `in_files`, files of the history up to `through_part` and results of batches asked for until `erased_at` may
    hold the person: `tombstone` stands in the unit's place there.
    """

    __tablename__ = "erasures"
    __table_args__ = (Index("ix_erasures_erased_at", "erased_at"),)
    unit_hash: str = Field(sa_column=Column(Text, primary_key=True))
    times: int = Field(sa_column=Column(Integer, nullable=False))
    tombstone: str = Field(sa_column=Column(Text, nullable=False))
    erased_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    lifted_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    through_part: int = Field(sa_column=Column(BigInteger, nullable=False))
    in_files: bool = Field(sa_column=Column(Boolean, nullable=False))


class RefreshMark(SQLModel, table=True):
    """How far the features of units are up to date, by what they are made of."""

    __tablename__ = "refresh_marks"
    name: str = Field(sa_column=Column(Text, primary_key=True))
    value: int = Field(sa_column=Column(BigInteger, nullable=False))
