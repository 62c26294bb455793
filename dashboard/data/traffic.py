"""What comes in and goes out."""

from typing import Any

from dashboard.page import View
from experiments.views.batching.deliveries import destinations
from experiments.views.dead_letters import dead_letters
from experiments.views.ingest import imports, traffic
from experiments.views.paging import Wanted

Document = dict[str, Any]
MOST = 50


def flow(view: View) -> Document:
    """Messages that wait, outcomes by class, dead letters."""
    return traffic(view.who.engine, view.who.principal)


def latest_imports(view: View) -> list[Document]:
    """Imports, newest first."""
    return imports(view.who.engine, view.who.principal)


def dead(view: View) -> list[Document]:
    """Messages that could not be taken and nobody has replayed."""
    return list(dead_letters(view.who.engine, view.who.principal, Wanted(limit=MOST))["items"])


def connectors(view: View) -> list[Document]:
    """Where assignments can be delivered to."""
    return list(destinations(view.who.engine, view.who.principal)["items"])
