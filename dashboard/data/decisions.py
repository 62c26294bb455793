"""Decisions of a unit, and one decision with all that it came from."""

from typing import Any

from dashboard.who import Who
from experiments.views.decisions import Chosen, decision_document, decisions
from experiments.views.paging import Wanted

Document = dict[str, Any]
LATEST = 50


def latest(who: Who, campaign: str, unit: str | None) -> list[Document]:
    """The newest decisions of a campaign, of one unit where it is named. Raises ForbiddenError, NotFoundError."""
    chosen = Chosen(unit or None)
    return list(decisions(who.engine, who.principal, campaign, Wanted(limit=LATEST), chosen)["items"])


def one(who: Who, decision_id: str) -> Document:
    """One decision, derived again on the spot. Raises ForbiddenError, NotFoundError."""
    return decision_document(who.engine, who.principal, decision_id)
