"""An early view of the eventual rate while many decisions are still open."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from offline_eval.ab.errors import SampleError
from offline_eval.estimate import Estimate

Counts = NDArray[np.float64]

EARLY_VIEW = "kaplan_meier"


@dataclass(frozen=True, slots=True)
class Delays:
    """Decisions by how long they have been watched and when their first event came, in B bins of the window.

    Attributes:
        events: (B,) decisions whose first event came in the bin.
        censored: (B,) decisions without an event so far whose age ends in the bin.
        matured: decisions without an event that have been watched through the whole window.
    """

    events: Counts
    censored: Counts
    matured: int

    @classmethod
    def of(cls, age: ArrayLike, delay: ArrayLike, window: float, bins: int = 64) -> "Delays":
        """From (n,) ages and delays of the first event (NaN: none so far), in the unit of `window`.

        Raises SampleError where an event came after the decision's own age, or an age is negative.
        """
        ages, delays = np.asarray(age, dtype=np.float64), np.asarray(delay, dtype=np.float64)
        happened = np.isfinite(delays) & (delays <= window)
        if (ages < 0).any() or (delays[happened] > ages[happened]).any():
            raise SampleError("ages are not negative, and no event comes later than now")
        width = window / bins
        event_bins = np.minimum((delays[happened] / width).astype(int), bins - 1)
        waiting = ages[~happened]
        open_bins = (waiting[waiting < window] / width).astype(int)
        return cls(
            np.bincount(event_bins, minlength=bins).astype(float),
            np.bincount(open_bins, minlength=bins).astype(float),
            int((waiting >= window).sum()),
        )

    def __add__(self, other: "Delays") -> "Delays":
        if len(self.events) != len(other.events):
            raise SampleError("delays in different bins cannot be added")
        return Delays(self.events + other.events, self.censored + other.censored, self.matured + other.matured)

    @property
    def n(self) -> int:
        """All decisions, open ones included."""
        return int(self.events.sum() + self.censored.sum()) + self.matured


@dataclass(frozen=True, slots=True)
class EarlyView:
    """What the rate may become when all is matured; never to be shown without its mark.

    Attributes:
        rate: the eventual rate at the end of the window; value None where nobody has been watched so long.
        open: decisions still waiting.
        curve: (B,) share of decisions with an event by the end of each bin, as far as watched.
        note: the mark.
    """

    rate: Estimate
    open: int
    curve: tuple[float, ...]
    note: str

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {"rate": self.rate.as_dict(), "open": self.open, "curve": list(self.curve), "note": self.note}


def early_view(delays: Delays, alpha: float = 0.05) -> EarlyView:
    """1 - S(window) by Kaplan & Meier (1958), with Greenwood's variance on the log-log scale (Kalbfleisch & Prentice).

    A bin's open decisions count as watched for half of it (the actuarial convention, Cutler & Ederer 1958). Assumes
    that late decisions behave as early ones; a trend breaks it, which is why it is marked and decides nothing.
    """
    at_risk = _at_risk(delays)
    watched = at_risk > 0
    hazard = np.divide(delays.events, at_risk, out=np.zeros_like(at_risk), where=watched)
    hazard = np.minimum(hazard, 1.0)
    curve = 1 - np.cumprod(1 - hazard)
    open_now = int(delays.censored.sum())
    note = "early view: an estimate of the eventual rate, assuming that late decisions behave as early ones"
    if not watched.all():
        reached = int(np.argmin(watched)) / len(watched)
        unknown = Estimate(None, None, None, delays.n, 0.0, EARLY_VIEW, alpha)
        note += f"; nobody has been watched beyond {reached:.0%} of the window"
        return EarlyView(unknown, open_now, tuple(float(c) for c in curve[watched]), note)
    rate = _bounded(float(curve[-1]), _greenwood(delays.events, at_risk), delays, alpha)
    return EarlyView(rate, open_now, tuple(float(c) for c in curve), note)


def _at_risk(delays: Delays) -> Counts:
    leaving = delays.events + delays.censored
    before = delays.n - np.concatenate([[0.0], np.cumsum(leaving)[:-1]])
    return np.asarray(before - delays.censored / 2)


def _greenwood(events: Counts, at_risk: Counts) -> float:
    left = at_risk - events
    return float(np.divide(events, at_risk * left, out=np.zeros_like(left), where=left > 0).sum())


def _bounded(rate: float, spread: float, delays: Delays, alpha: float) -> Estimate:
    effective = rate / ((1 - rate) * spread) if 0 < rate < 1 and spread > 0 else 0.0
    if not 0 < rate < 1 or spread <= 0:
        return Estimate(rate, None, None, delays.n, effective, EARLY_VIEW, alpha)
    log_survival = np.log1p(-rate)
    reach = np.exp(-float(ndtri(alpha / 2)) * spread**0.5 / abs(log_survival))
    bounds = sorted((-np.expm1(log_survival * reach), -np.expm1(log_survival / reach)))
    return Estimate(rate, float(bounds[0]), float(bounds[1]), delays.n, effective, EARLY_VIEW, alpha)
