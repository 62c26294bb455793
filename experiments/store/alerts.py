"""Alerts: what a person should know, raised once under a name until it is resolved."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, select

from experiments.model.tables.messages import Alert
from experiments.model.times import now
from experiments.store.core.engine import hold
from experiments.store.core.locks import Lock
from experiments.store.core.outbox import announce

TOPIC = "alerts"
SERVICE = "service"
"""Subject of what is about no single experiment."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What to raise. `severity`: info, warning, critical. `experiment`: (id, key), None for the whole service."""

    name: str
    severity: str
    title: str
    detail: Mapping[str, Any]
    experiment: tuple[int, str] | None = None


def raise_alert(session: Session, notice: Notice) -> Alert | None:
    """Raise it and leave it in the outbox; None where one of the same name is not resolved yet."""
    hold(session, Lock.ALERTS)
    number = None if notice.experiment is None else notice.experiment[0]
    if _unresolved(session, number, notice.name):
        return None
    alert = Alert(
        experiment_id=number,
        name=notice.name,
        severity=notice.severity,
        title=notice.title,
        detail=dict(notice.detail),
        raised_at=now(),
    )
    session.add(alert)
    session.flush()
    _tell(session, alert, "raised", notice.experiment)
    return alert


def resolve_alerts(session: Session, experiment: tuple[int, str] | None, name: str) -> int:
    """What it was about is over: how many alerts of this name were resolved. They may be raised again."""
    hold(session, Lock.ALERTS)
    found = _unresolved(session, None if experiment is None else experiment[0], name)
    for alert in found:
        alert.resolved_at = now()
        session.add(alert)
        _tell(session, alert, "resolved", experiment)
    return len(found)


def unresolved_names(session: Session, experiment_id: int) -> set[str]:
    """Names of the alerts of an experiment that are not resolved."""
    query = select(Alert.name).where(Alert.experiment_id == experiment_id, col(Alert.resolved_at).is_(None))
    return set(session.exec(query).all())


def unresolved_detail(session: Session, experiment_id: int, name: str) -> dict[str, Any] | None:
    """What the alert of this name says, where one is not resolved."""
    found = _unresolved(session, experiment_id, name)
    return dict(found[0].detail) if found else None


def _unresolved(session: Session, experiment_id: int | None, name: str) -> list[Alert]:
    query = select(Alert).where(Alert.experiment_id == experiment_id, Alert.name == name)
    return list(session.exec(query.where(col(Alert.resolved_at).is_(None))).all())


def _tell(session: Session, alert: Alert, event: str, experiment: tuple[int, str] | None) -> None:
    key = None if experiment is None else experiment[1]
    body = {"event": event, "alert": alert.id, "experiment": key, "name": alert.name, "severity": alert.severity}
    announce(session, TOPIC, key or SERVICE, body | {"title": alert.title, "detail": alert.detail})
