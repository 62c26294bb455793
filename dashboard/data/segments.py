"""Segments of a campaign's readout, and the service's own inactivity segments."""

from typing import Any

from dashboard.page import View
from experiments.views.paging import Wanted
from experiments.views.readout.arms_by_segment import arms_by_segment
from experiments.views.units.segments import segment, segments

Document = dict[str, Any]
MOST = 50


def heat(view: View) -> Document | None:
    """Adjusted values by segment and arm; None where no campaign is chosen. Raises NotFoundError, InvalidError."""
    filters, who = view.filters, view.who
    if filters.campaign is None:
        return None
    return arms_by_segment(who.engine, who.principal, filters.campaign, filters.own.get("metric"))


def defined(view: View) -> list[Document]:
    """Segments of users that are refreshed here, with sizes, flow and drift."""
    who = view.who
    heads = segments(who.engine, who.principal, Wanted(limit=MOST))["items"]
    return [segment(who.engine, who.principal, head["key"]) for head in heads]
