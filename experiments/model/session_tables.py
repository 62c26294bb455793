"""Sign-ins of people. Import them from `tables`."""

from sqlalchemy import BigInteger, Column, Text
from sqlmodel import Field, SQLModel


class SignIn(SQLModel, table=True):
    """One browser that somebody signed in with; of its token (256 random bits) only the SHA-256 is kept."""

    __tablename__ = "sign_ins"
    digest: str = Field(sa_column=Column(Text, primary_key=True))
    user_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    expires_at: int = Field(sa_column=Column(BigInteger, nullable=False))
