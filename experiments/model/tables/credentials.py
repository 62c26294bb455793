"""Who may come in: keys of systems and logins of people. Import them from `tables`."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Text
from sqlmodel import Field, SQLModel

from experiments.model.tables.columns import serial


class ApiKey(SQLModel, table=True):
    """A credential of a system: only the SHA-256 of the key (256 random bits) is kept.

    `rate_limit` in the form of rate_limits.RateLimit; `replaced_by` is the id of the key that it was rotated to;
    `addresses` are those that it was used from, newest last.
    """

    __tablename__ = "api_keys"
    id: int | None = serial()
    name: str = Field(sa_column=Column(Text, nullable=False))
    prefix: str = Field(sa_column=Column(Text, nullable=False))
    digest: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    scopes: str = Field(sa_column=Column(Text, nullable=False))
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    created_by: str = Field(sa_column=Column(Text, nullable=False))
    expires_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    revoked_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    last_used_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    rate_limit: str | None = Field(default=None, sa_column=Column(Text))
    replaced_by: int | None = Field(default=None, sa_column=Column(BigInteger))
    addresses: str = Field(default="", sa_column=Column(Text, nullable=False))


class SecurityEvent(SQLModel, table=True):
    """Signs of trouble of one kind, about one key or login, from one address, within one hour (microseconds).

    The row of hour 0 counts the kind since ever.
    """

    __tablename__ = "security_events"
    __table_args__ = (Index("ix_security_events_last_at", "last_at"),)
    kind: str = Field(sa_column=Column(Text, primary_key=True))
    subject: str = Field(sa_column=Column(Text, primary_key=True))
    address: str = Field(sa_column=Column(Text, primary_key=True))
    hour: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    count: int = Field(sa_column=Column(BigInteger, nullable=False))
    first_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    last_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class User(SQLModel, table=True):
    """A person: role viewer, analyst, experimenter or admin; the password as an Argon2id hash.

    `password_due`: somebody else knows the password, so the person has to choose one before anything else.
    """

    __tablename__ = "users"
    id: int | None = serial()
    email: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    password_hash: str = Field(sa_column=Column(Text, nullable=False))
    role: str = Field(sa_column=Column(Text, nullable=False))
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    disabled_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    password_due: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))
