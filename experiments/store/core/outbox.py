"""The outbox: what is to be told to others leaves with the transaction that made it true."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete
from sqlmodel import Session, col, select

from experiments.model.tables.messages import OutboxMessage
from experiments.model.times import now


def announce(session: Session, topic: str, subject: str, body: Mapping[str, Any]) -> None:
    """Leave a message to be published after the commit, in order with the others of its subject."""
    session.add(OutboxMessage(topic=topic, subject=subject, body=dict(body), created_at=now()))


def waiting(session: Session, limit: int) -> Sequence[OutboxMessage]:
    """The oldest messages, in the order in which they were left."""
    return session.exec(select(OutboxMessage).order_by(col(OutboxMessage.id)).limit(limit)).all()


def forget(session: Session, ids: Sequence[int]) -> None:
    """These were published."""
    session.connection().execute(delete(OutboxMessage).where(col(OutboxMessage.id).in_(ids)))


def forget_older(session: Session, before: int) -> int:
    """Where nobody listens: drop what was left before an instant; how many."""
    return session.connection().execute(delete(OutboxMessage).where(col(OutboxMessage.created_at) < before)).rowcount
