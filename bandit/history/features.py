"""Version 1 of the features of a history: facts and the instant of a decision → named numbers.

Every formula is written once and is given either one unit's facts or columns of many. None of them may look at
anything but the facts and the instant. The meaning of a name never changes: what is computed differently gets another
name, and the version rises.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from bandit.history.facts import DAY, FactColumns, Numbers, UnitFacts

VERSION = 1

Facts: TypeAlias = Any
"""UnitFacts, or FactColumns: formulas do not tell them apart."""

DECISIONS = "decisions"
"""Beside the kinds of events that are imported, the source of features that this service's own decisions make."""


class Feature(NamedTuple):
    """One feature: the fact without which it is missing, its formula of (facts, instant), what it says, and the events
    that make it what it is.
    """

    needs: str
    formula: Callable[[Facts, Any], Any]
    meaning: str
    sources: tuple[str, ...]


_EVERY, _PAID, _MET = ("activity", "payments", "participation"), ("payments",), ("participation", DECISIONS)
_OWN = (DECISIONS,)
FEATURES: dict[str, Feature] = {
    "days_inactive": Feature(
        "last", lambda f, at: (at - f.last) / DAY, "days since the last activity, payment or participation", _EVERY
    ),
    "tenure_days": Feature(
        "first", lambda f, at: (at - f.first) / DAY, "days since the first activity, payment or participation", _EVERY
    ),
    "active_events_30d": Feature(
        "last",
        lambda f, at: f.active.within("count", at, 30),
        "events of the kind activity in the last 30 days",
        ("activity",),
    ),
    "recency_days": Feature(
        "last_payment", lambda f, at: (at - f.last_payment) / DAY, "days since the last payment", _PAID
    ),
    "frequency": Feature("payments", lambda f, _: f.payments * 1.0, "payments ever", _PAID),
    "frequency_90d": Feature(
        "payments", lambda f, at: f.paid_days.within("count", at, 90), "payments in the last 90 days", _PAID
    ),
    "monetary": Feature("payments", lambda f, _: f.paid * 1.0, "sum of payments ever", _PAID),
    "monetary_90d": Feature(
        "payments", lambda f, at: f.paid_days.within("amount", at, 90), "sum of payments in the last 90 days", _PAID
    ),
    "mean_payment": Feature("last_payment", lambda f, _: f.paid / f.payments, "mean of a payment", _PAID),
    "gap_days": Feature("gap", lambda f, _: f.gap / DAY, "mean days between the days with payments", _PAID),
    "gap_ratio": Feature(
        "gap",
        lambda f, at: (at - f.last_payment) / f.gap,
        "days since the last payment over the unit's own mean gap",
        _PAID,
    ),
    "offers": Feature("offers", lambda f, _: f.offers * 1.0, "offers met so far", _MET),
    "response_rate": Feature("offers", lambda f, _: rate(f.responses, f.offers), "share of offers taken up", _MET),
    "rewards_received": Feature("offers", lambda f, _: f.received * 1.0, "rewards received", _MET),
    "rewards_redeemed": Feature("offers", lambda f, _: f.redeemed * 1.0, "rewards redeemed", ("participation",)),
    "contacts_30d": Feature(
        "seen", lambda f, at: f.contacted.within("count", at, 30), "contacts by this service in the last 30 days", _OWN
    ),
    "days_since_contact": Feature(
        "last_contact", lambda f, at: (at - f.last_contact) / DAY, "days since the last contact by this service", _OWN
    ),
}
"""By name. Beside them stand `response_rate_<event type>` and `response_rate_reward_<band>`, as the unit met them."""

_SCALAR = tuple((name, feature.needs, feature.formula) for name, feature in FEATURES.items())


def rate(responses: Any, offers: Any) -> Any:
    """A share of few trials, drawn towards one half by half a response (Krichevsky and Trofimov, 1981)."""
    return (responses + 0.5) / (offers + 1.0)


def features_of(facts: UnitFacts, at: int) -> dict[str, float]:
    """The features of one unit for a decision at an instant; a missing one is left out.

    None at all where the facts hold an event at or after the instant: they would tell the future.
    """
    if facts.seen >= at:
        return {}
    found = {name: formula(facts, at) for name, needs, formula in _SCALAR if getattr(facts, needs) is not None}
    for name, (offers, responses) in _rated(facts):
        found[name] = rate(responses, offers)
    return found


def feature_columns(facts: FactColumns, at: Numbers | float) -> dict[str, Numbers]:
    """The same of n units at once, name → (n,), NaN where missing; `at` is one instant or one per unit."""
    instants = np.broadcast_to(np.asarray(at, dtype=np.float64), facts.seen.shape)
    known = facts.seen < instants
    found = {}
    for name, feature in FEATURES.items():
        present = known & ~np.isnan(getattr(facts, feature.needs))
        with np.errstate(divide="ignore", invalid="ignore"):  # of units that lack the fact, and are left out
            found[name] = np.where(present, feature.formula(facts, instants), np.nan)
    for name, (offers, responses) in _rated(facts):
        found[name] = np.where(known & (offers > 0), rate(responses, offers), np.nan)
    return found


def _rated(facts: Facts) -> list[tuple[str, Any]]:
    by_event: Mapping[str, Any] = facts.by_event
    by_band: Mapping[str, Any] = facts.by_band
    found = [(f"response_rate_{name}", pair) for name, pair in by_event.items()]
    return [*found, *((f"response_rate_reward_{name}", pair) for name, pair in by_band.items())]
