"""Learned policies: snapshots, how far learning is, what it has reached."""

from typing import Any

from dashboard.page import View
from experiments.views.learning_status import learning_status
from experiments.views.snapshots import snapshots

Document = dict[str, Any]


def lineage(view: View) -> Document | None:
    """The campaign's snapshots, newest first. Raises NotFoundError."""
    who, key = view.who, view.filters.campaign
    return None if key is None else snapshots(who.engine, who.principal, key)


def status(view: View) -> Document | None:
    """How far joining and learning are. Raises NotFoundError."""
    who, key = view.who, view.filters.campaign
    return None if key is None else learning_status(who.engine, who.principal, key)
