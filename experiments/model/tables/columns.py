"""What tables share: names of constraints, and types that mean the same on SQLite and PostgreSQL."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Integer
from sqlalchemy.dialects import postgresql
from sqlmodel import Field, SQLModel

NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
SQLModel.metadata.naming_convention = NAMES

# SQLite only numbers INTEGER keys by itself; JSONB is what PostgreSQL can index.
Serial = BigInteger().with_variant(Integer(), "sqlite")
Json = JSON().with_variant(postgresql.JSONB(), "postgresql")


def serial() -> Any:
    """A key that the database numbers by itself."""
    return Field(default=None, sa_column=Column(Serial, primary_key=True, autoincrement=True))
