"""Readouts, trends, budgets and the timeline of a campaign, as the filters ask for them."""

from datetime import UTC, datetime
from typing import Any

import numpy as np

from dashboard.data.campaigns import campaign
from dashboard.data.shared import shared
from dashboard.page import View
from dashboard.who import Who
from experiments.errors import NotFoundError
from experiments.model.times import HOUR, to_micros
from experiments.views.budgets import budget
from experiments.views.readout import Question, readout
from experiments.views.timeline import timeline
from experiments.views.trends import trend
from offline_eval.ab.best_shares import best_shares

Document = dict[str, Any]
Span = tuple[datetime, datetime]
HOURLY_UP_TO = 4 * 24
"""Hours of a span up to which a trend is drawn by the hour."""


def definition_of(view: View) -> Document | None:
    """The chosen campaign; None where none is chosen. Raises NotFoundError."""
    return None if view.filters.campaign is None else campaign(view.who, view.filters.campaign)


def results(view: View) -> Document | None:
    """The readout that the filters ask for; None where no campaign is chosen. Raises NotFoundError, InvalidError."""
    return _readout(view, view.filters.span(datetime.now(UTC)))


def results_before(view: View) -> Document | None:
    """That of the period before, where it is asked for."""
    span = view.filters.before(datetime.now(UTC))
    return None if span is None else _readout(view, span)


def _readout(view: View, span: Span | None) -> Document | None:
    filters, who = view.filters, view.who
    if filters.campaign is None:
        return None
    start, end = (None, None) if span is None else (_hour(span[0]), _hour(span[1]))
    key, question = filters.campaign, Question(filters.segment, filters.event_type, start, end)
    return shared(who, ("readout", key, question), lambda: readout(who.engine, who.principal, key, question))


def _hour(moment: datetime) -> int:
    """The hour's beginning: parts of a readout are whole hours."""
    return to_micros(moment) // HOUR * HOUR


def trends(view: View) -> Document | None:
    """Sums by day, or by hour where the campaign or the period is short. Raises NotFoundError."""
    filters, who = view.filters, view.who
    if filters.campaign is None:
        return None
    span = filters.span(datetime.now(UTC))
    bounds = (None, None) if span is None else (_hour(span[0]), _hour(span[1]))
    key = filters.campaign
    return shared(who, ("trend", key, filters.segment, bounds), lambda: _trend(who, key, filters.segment, bounds))


def _trend(who: Who, key: str, segment: str | None, bounds: tuple[int | None, int | None]) -> Document:
    daily = trend(who.engine, who.principal, key, "day", segment, bounds)
    if len(daily["at"]) * 24 > HOURLY_UP_TO:
        return daily
    return trend(who.engine, who.principal, key, "hour", segment, bounds)


def spending(view: View) -> Document | None:
    """Where the budget stands; None where there is none. Raises NotFoundError where there is no such campaign."""
    if view.filters.campaign is None or definition_of(view) is None:
        return None
    try:
        return budget(view.who.engine, view.who.principal, view.filters.campaign)
    except NotFoundError:
        return None


def remarks(view: View) -> list[Document]:
    """What was done to the campaign and what happened to it, oldest first. Raises NotFoundError."""
    if view.filters.campaign is None:
        return []
    return list(timeline(view.who.engine, view.who.principal, view.filters.campaign)["items"])


def best_over_time(trends: Document, metric: str, most: int = 60) -> tuple[list[str], dict[str, list[float]]]:
    """Probability that each variant is best by a 0/1 metric, on all decisions up to each of at most `most` slots.

    Beta posteriors of matured decisions as if each were a unit of its own: for the eye; the verdict rests on more.
    """
    at, variants = trends["at"], trends["variants"]
    if len(at) == 0 or len(variants) < 2:
        return [], {name: [] for name in variants}
    none = [0.0] * len(at)
    decisions, events = (
        np.cumsum([columns.get(name, none) for columns in variants.values()], axis=1) for name in ("decisions", metric)
    )
    places = np.unique(np.linspace(0, len(at) - 1, most).round().astype(int))
    counts = np.floor(decisions[:, places].T)
    chances = best_shares(np.minimum(np.floor(events[:, places].T), counts), counts)
    return [at[place] for place in places], dict(zip(variants, chances.T.tolist(), strict=True))
