"""Sign-ins of people. Import them from `tables`."""

from sqlalchemy import BigInteger, Column, Index, Text
from sqlmodel import Field, SQLModel


class SignIn(SQLModel, table=True):
    """One browser that somebody signed in with; of its token (256 random bits) only the SHA-256 is kept.

    `expires_at` is fixed at the sign-in; `seen_at` is when it was last used, to within minutes.
    """

    __tablename__ = "sign_ins"
    digest: str = Field(sa_column=Column(Text, primary_key=True))
    user_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    expires_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    seen_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class GuessMark(SQLModel, table=True):
    """What is remembered of attempts to sign in, and of where somebody has signed in before; see `limiting_guesses`.

    `digest` is a SHA-256 over what is counted, so that the table names nobody. Times are in microseconds: `until` is
    when a bucket is full again or a pause ends, `forget_at` when the row says nothing any more.
    """

    __tablename__ = "guess_marks"
    __table_args__ = (Index("ix_guess_marks_forget_at", "forget_at"),)
    digest: str = Field(sa_column=Column(Text, primary_key=True))
    count: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    until: int = Field(sa_column=Column(BigInteger, nullable=False))
    forget_at: int = Field(sa_column=Column(BigInteger, nullable=False))
