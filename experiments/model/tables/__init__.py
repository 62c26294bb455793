"""The tables, the same on SQLite and PostgreSQL; every instant is a BIGINT of microseconds (see times).

Whoever imports one of these modules has registered all of them.
"""

from sqlmodel import SQLModel

from experiments.model.tables import (
    batches,
    columns,
    core,
    credentials,
    deliveries,
    limits,
    maturity,
    messages,
    monitoring,
    portfolio,
    profiles,
    readouts,
    segments,
    sessions,
    streams,
    trends,
    workers,
)

__all__ = [
    "SQLModel",
    "batches",
    "columns",
    "core",
    "credentials",
    "deliveries",
    "limits",
    "maturity",
    "messages",
    "monitoring",
    "portfolio",
    "profiles",
    "readouts",
    "segments",
    "sessions",
    "streams",
    "trends",
    "workers",
]
