"""The arm catalogue as its readers see it."""

from typing import Any

from sqlalchemy import Engine
from sqlmodel import col, select

from experiments.errors import NotFoundError
from experiments.model.access.principal import Principal, require
from experiments.model.tables.streams import CatalogueArm
from experiments.model.times import to_rfc3339
from experiments.store.core.engine import reading
from experiments.store.designing.catalogue import experiments_with
from experiments.views.paging import Wanted, page

Document = dict[str, Any]


def catalogue_arms(engine: Engine, principal: Principal, wanted: Wanted) -> Document:
    """A page of arms, newest first. Raises ForbiddenError, InvalidError."""
    require(principal, "read")
    query = select(CatalogueArm).order_by(col(CatalogueArm.id).desc()).limit(wanted.limit + 1)
    if wanted.after is not None:
        query = query.where(col(CatalogueArm.id) < wanted.after)
    with reading(engine) as session:
        return dict(page(session.exec(query).all(), wanted, lambda row: row.id, _document))


def catalogue_arm(engine: Engine, principal: Principal, key: str) -> Document:
    """One arm, with the live experiments that refer to it. Raises ForbiddenError, NotFoundError."""
    require(principal, "read")
    with reading(engine) as session:
        row = None
        if "\0" not in key:
            row = session.exec(select(CatalogueArm).where(CatalogueArm.key == key)).first()
        if row is None:
            raise NotFoundError(f"the catalogue has no arm {key[:64]!r}")
        return {**_document(row), "experiments": [each.key for each in experiments_with(session, {key})]}


def _document(row: CatalogueArm) -> Document:
    return {
        "key": row.key,
        "status": row.status,
        **row.document,
        "changed_at": to_rfc3339(row.changed_at),
        "updated_at": to_rfc3339(row.updated_at),
    }
