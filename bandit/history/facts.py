"""Facts of units: what events before an instant come down to. For one unit, and for many as columns.

Instants are microseconds since 1970 (UTC), days whole days since 1970, amounts in the currency of the payments.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

DAY = 86_400_000_000
"""Microseconds of a day."""

KEPT_DAYS = 90
"""Windows of features reach back no further than this, and facts keep no single days beyond it."""

BAND_EDGES = (5, 10, 20, 50, 100)
"""Upper edges (exclusive) of reward bands, in the currency of the rewards; the last band is open."""

Numbers: TypeAlias = NDArray[np.float64]


def band_name(place: int) -> str:
    """The name of the reward band below BAND_EDGES[place]; of the open one for place = len(BAND_EDGES)."""
    low = 0 if place == 0 else BAND_EDGES[place - 1]
    return f"{low}_up" if place == len(BAND_EDGES) else f"{low}_{BAND_EDGES[place]}"


@dataclass(slots=True)
class Days:
    """What happened on single days: parallel lists, days distinct."""

    day: Sequence[int] = ()
    count: Sequence[float] = ()
    amount: Sequence[float] = ()

    def within(self, what: str, at: float, length: int) -> float:
        """Sum of `count` or `amount` over the `length` days that end with the day of `at`."""
        last = at // DAY
        pairs = zip(self.day, self.count if what == "count" else self.amount, strict=True)
        return sum(value for day, value in pairs if last - length < day <= last)


@dataclass(slots=True)
class DayColumns:
    """`Days` of n units: unit i owns the places from offsets[i] to offsets[i + 1] of the three arrays."""

    offsets: NDArray[np.int64]
    day: NDArray[np.int64]
    count: Numbers
    amount: Numbers

    def within(self, what: str, at: Numbers | float, length: int) -> Numbers:
        """The same sums for all units, shape (n,); `at` is one instant or one per unit, (n,)."""
        sizes = np.diff(self.offsets)
        last = np.repeat(np.broadcast_to(np.asarray(at) // DAY, sizes.shape), sizes)
        values = self.count if what == "count" else self.amount
        kept = np.where((last - length < self.day) & (self.day <= last), values, 0.0)
        owner = np.repeat(np.arange(len(sizes)), sizes)
        return np.bincount(owner, weights=kept, minlength=len(sizes)).astype(np.float64)


@dataclass(slots=True)
class UnitFacts:
    """What one unit's events come down to. None where there is nothing to say.

    Attributes:
        version: of the feature set that these facts are made for.
        seen: instant of the latest event that was taken in, of whatever kind.
        first, last: instants of the unit's first and last activity: sessions, payments, participation.
        active: events of the kind `activity` by day.
        payments, paid: how many, and their sum.
        first_payment, last_payment: instants.
        gap: mean time between the days with payments, in microseconds; None below two such days.
        paid_days: payments by day.
        offers, responses: invitations and rewards that the unit met, and how many it took up.
        received, redeemed: rewards with an amount that it took up, and redeemed.
        by_event, by_band: event type or reward band → (offers, responses).
        last_contact, contacted: decisions of this service with an arm other than `nothing`: the last, and by day.
    """

    version: int
    seen: int
    first: int | None = None
    last: int | None = None
    active: Days = field(default_factory=Days)
    payments: int = 0
    paid: float = 0.0
    first_payment: int | None = None
    last_payment: int | None = None
    gap: float | None = None
    paid_days: Days = field(default_factory=Days)
    offers: int | None = None
    responses: int | None = None
    received: int | None = None
    redeemed: int | None = None
    by_event: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    by_band: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    last_contact: int | None = None
    contacted: Days = field(default_factory=Days)


@dataclass(slots=True)
class FactColumns:
    """`UnitFacts` of n units as arrays of shape (n,), NaN where a unit has None; see there."""

    seen: Numbers
    first: Numbers
    last: Numbers
    active: DayColumns
    payments: Numbers
    paid: Numbers
    first_payment: Numbers
    last_payment: Numbers
    gap: Numbers
    paid_days: DayColumns
    offers: Numbers
    responses: Numbers
    received: Numbers
    redeemed: Numbers
    by_event: Mapping[str, tuple[Numbers, Numbers]]
    by_band: Mapping[str, tuple[Numbers, Numbers]]
    last_contact: Numbers
    contacted: DayColumns
