"""All campaigns together, and side by side."""

from datetime import UTC, datetime
from typing import Any

from bandit.policies import POLICIES
from dashboard.data.campaigns import campaign, campaigns
from dashboard.data.shared import shared
from dashboard.page import View
from dashboard.who import Who
from experiments.model.times import to_micros
from experiments.views.monitoring.alerts import alerts
from experiments.views.paging import Wanted
from experiments.views.portfolio import portfolio
from experiments.views.readout import headline
from experiments.views.readout.arm_values import arm_values

Document = dict[str, Any]
COMPARED = ("running", "paused", "stopped")
MOST_COMPARED = 20
MOST_ALERTS = 20


def together(view: View) -> Document:
    """The portfolio against the global holdout, in the period that the filters name."""
    span = view.filters.span(datetime.now(UTC))
    start, end = (None, None) if span is None else (to_micros(span[0]), to_micros(span[1]))
    return portfolio(view.who.engine, view.who.principal, start, end)


def side_by_side(view: View) -> list[Document]:
    """Head, definition and headline of every campaign that ever ran, the running ones first; at most twenty."""
    return shared(view.who, ("side by side",), lambda: _side_by_side(view.who))


def _side_by_side(who: Who) -> list[Document]:
    heads = [head for head in campaigns(who) if head["status"] in COMPARED][:MOST_COMPARED]
    return [
        {
            "head": head,
            "definition": campaign(who, head["key"]),
            "results": headline(who.engine, who.principal, head["key"]),
        }
        for head in heads
    ]


def arms_of(view: View, one: Document) -> list[Document]:
    """`{arm, decisions, value}` of a campaign of `side_by_side`, the value an estimate of what is judged.

    Of arms that a policy draws, the adjusted value; an arm with a variant of its own has that variant's mean.
    """
    who, key, results = view.who, one["head"]["key"], one["results"]
    judged = results["estimand"]["metric"]
    drawn = shared(who, ("arms", key, judged), lambda: arm_values(who.engine, who.principal, key, judged))["arms"]
    found = [{"arm": arm, "decisions": int(value["effective_n"]), "value": value} for arm, value in drawn.items()]
    for variant in one["definition"]["variants"]:
        arm, measured = _only_arm(variant), results["variants"].get(variant["key"])
        if arm is not None and arm not in drawn and measured is not None and measured["decisions"]:
            value = measured["metrics"][judged]
            found.append({"arm": arm, "decisions": measured["decisions"], "value": value})
    return found


def _only_arm(variant: Document) -> str | None:
    policy = variant["policy"]
    return POLICIES[policy["name"]].sole_arm(policy["params"])


def drafts(view: View) -> list[Document]:
    """Heads of campaigns that have not started."""
    return [head for head in campaigns(view.who) if head["status"] == "draft"]


def open_alerts(view: View) -> list[Document]:
    """Alerts that nobody has acknowledged, newest first."""
    found = alerts(view.who.engine, view.who.principal, Wanted(limit=MOST_ALERTS), status="open")
    return list(found["items"])
