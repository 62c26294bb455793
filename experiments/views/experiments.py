"""Experiments as their readers see them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from experiments.errors import Fault, InvalidError
from experiments.model.access.principal import Principal, require
from experiments.model.designing.guardrails import PAUSED
from experiments.model.designing.states import STATUSES
from experiments.model.tables.core import Adjustment, Experiment, Revision
from experiments.model.times import now, to_rfc3339
from experiments.store.core.engine import reading
from experiments.store.designing.experiments import find
from experiments.views.paging import Wanted, page

Document = dict[str, Any]


def experiment(engine: Engine, principal: Principal, key: str) -> Document:
    """The definition with its state and the adjustments in force. Raises ForbiddenError, NotFoundError."""
    require(principal, "read")
    with reading(engine) as session:
        row = find(session, key)
        return {**_head(row), **row.definition, "adjustments": _adjustments(session, row)}


def experiments(engine: Engine, principal: Principal, wanted: Wanted, status: str | None = None) -> Document:
    """A page of heads, newest first. Raises ForbiddenError, InvalidError."""
    require(principal, "read")
    if status is not None and status not in STATUSES:
        raise InvalidError([Fault("", f"query parameter status: must be one of {', '.join(STATUSES)}")])
    query = select(Experiment).order_by(col(Experiment.id).desc()).limit(wanted.limit + 1)
    if status is not None:
        query = query.where(Experiment.status == status)
    if wanted.after is not None:
        query = query.where(col(Experiment.id) < wanted.after)
    with reading(engine) as session:
        return page(session.exec(query).all(), wanted, lambda row: row.id, _head)


def revisions(engine: Engine, principal: Principal, key: str) -> Document:
    """Every revision of an experiment, in order. Raises ForbiddenError, NotFoundError."""
    require(principal, "read")
    with reading(engine) as session:
        row = find(session, key)
        query = select(Revision).where(Revision.experiment_id == row.id).order_by(col(Revision.number))
        found = session.exec(query).all()
    return {
        "items": [
            {
                "number": each.number,
                "opened_at": to_rfc3339(each.opened_at),
                "definition": each.definition,
                "cap_origin": each.cap_origin,
            }
            for each in found
        ]
    }


def _head(row: Experiment) -> Document:
    return {
        "key": row.key,
        "name": row.definition["name"],
        "status": row.status,
        "version": row.version,
        "revision": row.revision,
        "created_at": to_rfc3339(row.created_at),
        "started_at": _instant(row.started_at),
        "stopped_at": _instant(row.stopped_at),
        "clock_now": _instant(row.clock_now),
    }


def _adjustments(session: Session, row: Experiment) -> Sequence[Document]:
    query = select(Adjustment).where(Adjustment.experiment_id == row.id, col(Adjustment.ended_at).is_(None))
    moment = now()
    return [
        {
            **_adjusted(each),
            "reason": each.reason,
            "by": each.created_by,
            "since": to_rfc3339(each.created_at),
            "expires_at": _instant(each.expires_at),
        }
        for each in session.exec(query.order_by(col(Adjustment.id)))
        if each.expires_at is None or each.expires_at > moment
    ]


def _adjusted(each: Adjustment) -> Document:
    if each.kind == PAUSED:
        return {"variant": each.arm, "enabled": False}
    return {"arm": each.arm, each.kind: bool(each.value) if each.kind == "enabled" else each.value}


def _instant(micros: int | None) -> str | None:
    return None if micros is None else to_rfc3339(micros)
