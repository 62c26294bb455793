"""Budget pacing: what the worker knows of a campaign's traffic and spending, and the price on cost that follows.

Pure functions and a state that is kept as JSON. Money in millionths, times in microseconds of the experiment's clock.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from experiments.model.times import HOUR

HOURS = 24
DAY = HOURS * HOUR
PRIOR = 5.0
"""Decisions that a rate of falling due starts from; at first all is taken to fall due."""

_PRIOR_HOURS = 1.0
_STEEPEST = 50.0
"""Bound of price x dearest cost: beyond it an arm is drawn at its floor anyway."""
_LONGEST_STEP = 0.5
_FORESIGHT = 3650 * DAY
_MEMORY = 0.05
"""Share of the campaign's decisions over which the present pace is measured."""
_LOST, _LONGEST_LEAD = 0.01, 0.15
"""Share of a budget that may be given back too late; share of its time by which it may be spent sooner for that."""
_NEARLY = 0.05
"""Share of a budget that is nearly nothing, and of its time that is nearly its end."""
_FIRST_DECISIONS, _FIRST_TIME = 100, 0.2
"""Decisions before a forecast is worth a warning; the share of the time that a price on cost gets to find its level."""


class Spending(NamedTuple):
    """What has come of a budget: gross totals since the beginning, and what they amount to.

    `sure` and `contingent` are what was committed to fall due at once, or later if at all; `rate` is the share of the
    latter that did; `expected` is what was paid, and what open decisions are expected to cost; `committed` the same
    with open decisions at their full cost, which is what the hard limit is on.
    """

    decisions: int
    sure: int
    contingent: int
    rate: float
    expected: float
    committed: float

    @property
    def due(self) -> float:
        """What of a commitment is expected to be paid."""
        gross = self.sure + self.contingent
        return (self.sure + self.rate * self.contingent) / gross if gross else 1.0


class PacingState(msgspec.Struct):
    """What is remembered between two steps.

    Attributes:
        counts, spans: decisions, and hours observed, by hour of the day (UTC).
        decisions, sure, contingent: the gross totals at the last step.
        mean, square, weight: spending per decision: exponentially weighted mean, squared error, weight.
        settled, redeemed: arm → matured decisions whose cost was contingent, and those where it fell due.
    """

    counts: list[float] = msgspec.field(default_factory=lambda: [0.0] * HOURS)
    spans: list[float] = msgspec.field(default_factory=lambda: [0.0] * HOURS)
    decisions: int = 0
    sure: int = 0
    contingent: int = 0
    mean: float = 0.0
    square: float = 0.0
    weight: float = 0.0
    settled: dict[str, int] = {}
    redeemed: dict[str, int] = {}

    @property
    def traffic(self) -> list[float]:
        """Decisions per hour, by hour of the day; hours seen for less than a while lean on the mean."""
        span = sum(self.spans)
        mean = sum(self.counts) / span if span else 0.0
        return [
            (count + _PRIOR_HOURS * mean) / (hours + _PRIOR_HOURS)
            for count, hours in zip(self.counts, self.spans, strict=True)
        ]

    def observe(self, start: int, end: int, decisions: int) -> None:
        """Count decisions of a span, spread evenly over its hours."""
        if end <= start:
            return
        pieces = list(_pieces(start, end))
        total = sum(length for _, length in pieces)
        for hour, length in pieces:
            self.spans[hour] += length
            self.counts[hour] += decisions * length / total

    def expect(self, start: int, end: int) -> float:
        """Decisions to be expected in a span."""
        traffic = self.traffic
        days, rest = divmod(max(end - start, 0), DAY)
        return days * sum(traffic) + sum(traffic[hour] * length for hour, length in _pieces(start, start + rest))

    def reach(self, start: int, decisions: float) -> int | None:
        """When so many decisions will have come; None where that is too far ahead to tell."""
        daily = sum(self.traffic)
        if daily <= 0.0 or decisions / daily * DAY > _FORESIGHT:
            return None
        days = int(decisions / daily)
        at, left, traffic = start + days * DAY, decisions - days * daily, self.traffic
        for hour, length in _pieces(at, at + DAY):
            if traffic[hour] * length >= left:
                return at + int(left / traffic[hour] * HOUR) if traffic[hour] else at
            left -= traffic[hour] * length
            at += int(length * HOUR)
        return at

    def rate(self, arm: str, overall: float) -> float:
        """How often the arm's contingent cost falls due, leaning on that of all arms."""
        return (self.redeemed.get(arm, 0) + PRIOR * overall) / (self.settled.get(arm, 0) + PRIOR)


class Step(NamedTuple):
    """A campaign's budget at a step: its amount, the span left of it, the dearest arm's expected cost.

    `window` is how long a commitment stays open, `start` when the campaign began.
    """

    amount: int
    last: int
    now: int
    end: int
    dearest: float
    window: int = 0
    start: int = 0


def lead(due: float, window: int, span: int, last: float) -> int:
    """How long before the end a budget is to be spent in expectation, so that it is spent in the end.

    What is open at the end is given back too late. Once everything is committed only what matures can be committed
    again: each window (1 - due) of the one before, so that what is open after k windows has shrunk to (1 - due)^k.
    `last` is the share of the campaign's decisions that comes in the busiest window of its last day.
    """
    if due >= 1.0 or window <= 0 or last <= 0.0:
        return 0
    lost = last * (1.0 - due) / max(due, 1e-9)
    windows = math.log(min(_LOST / lost, 1.0)) / math.log(1.0 - due) if due > 0.0 else math.inf
    return int(min(windows * window, _LONGEST_LEAD * span))


def spendable(state: PacingState, spending: Spending, at: Step) -> tuple[float, int]:
    """(what may be spent in expectation, until when). After the lead has begun, what is free is spent before long."""
    left = max(at.amount - spending.expected, 0.0)
    whole = max(state.expect(at.start, at.end), 1.0)
    last = max(state.expect(end - at.window, end) for end in range(at.end - DAY + HOUR, at.end + 1, HOUR))
    turn = at.end - lead(spending.due, at.window, at.end - at.start, last / whole)
    if at.now < turn or turn == at.end:
        return left, turn
    free = max(at.amount - spending.committed, 0.0)
    return min(left, spending.due * free), min(at.end, at.now + at.window // 2)


def step(state: PacingState, price: float, spending: Spending, at: Step) -> float:
    """The price per unit of currency from now on; the state moves on.

    Dual mirror descent with Euclidean reference on the budget's multiplier (Balseiro, Lu & Mirrokni 2020, algorithm 1):
    μ ← [μ − η Σ (ρ − c)]₊ over the decisions since the last step, in units of ρ, with η = 1/√T over the T decisions of
    the campaign. ρ, the spending per decision that is in order, is what is left of the budget over the decisions still
    to be expected (so that what went wrong before is made up for), and those follow the hours of the day; towards the
    end it is what the hard limit leaves (`spendable`).
    """
    decisions = spending.decisions - state.decisions
    spent = float(spending.sure - state.sure) + spending.rate * (spending.contingent - state.contingent)
    state.decisions, state.sure, state.contingent = spending.decisions, spending.sure, spending.contingent
    state.observe(at.last, at.now, max(decisions, 0))
    if decisions <= 0:
        return price
    campaign = spending.decisions + max(state.expect(at.now, at.end), 1.0)
    _measure(state, decisions, spent, campaign)
    if at.now >= at.end or at.dearest <= 0.0:
        return price
    left, until = spendable(state, spending, at)
    allowed = left / max(state.expect(at.now, until), 1.0)
    moved = _LONGEST_STEP if allowed <= 0.0 else (spent / allowed - decisions) / math.sqrt(campaign)
    steepness = price * at.dearest + min(max(moved, -_LONGEST_STEP), _LONGEST_STEP)
    return min(max(steepness, 0.0), _STEEPEST) / at.dearest


def _measure(state: PacingState, decisions: int, spent: float, campaign: float) -> None:
    """Spending per decision, where recent decisions weigh more."""
    kept = math.exp(-decisions / max(_MEMORY * campaign, 1.0))
    weight = state.weight * kept + decisions
    error = spent / decisions - state.mean
    state.mean += error * decisions / weight
    state.square = state.square * kept + decisions * decisions * error * (spent / decisions - state.mean)
    state.weight = weight


def depletion(state: PacingState, now: int, left: float) -> tuple[int | None, int | None, int | None] | None:
    """When the budget runs out at the present pace: (value, lower, upper) at 95 %.

    Now where nothing is left; None where nothing is spent.

    The decisions that `left` lasts for are left / mean, with the delta method's error from that of the mean.
    """
    if left <= 0.0:
        return now, now, now
    if state.mean <= 0.0 or state.weight <= 1.0:
        return None
    lasts = left / state.mean
    single = max(state.square / state.weight, 0.0)
    error = math.sqrt(single * lasts / state.mean**2 + lasts**2 * single / state.mean**2 / state.weight)
    low, high = max(lasts - 1.96 * error, 0.0), lasts + 1.96 * error
    return state.reach(now, lasts), state.reach(now, low), state.reach(now, high)


class Course(NamedTuple):
    """Where a budget stands and where it goes: its start, the present, its end, the latest when it runs out (95 %)."""

    amount: int
    committed: int
    start: int
    now: int
    end: int | None
    out: int | None

    @property
    def is_over(self) -> bool:
        """Whether its time is."""
        return self.end is not None and self.now >= self.end


def concern(course: Course, decisions: float, *, paced: bool) -> str | None:
    """What a person should know: `spent` (nearly, long before the end), `early` (it will be); None where all is well.

    `decisions` is how many the forecast rests on.
    """
    if course.is_over:
        return None
    span = 0 if course.end is None else course.end - course.start
    near = course.end is not None and course.end - course.now <= _NEARLY * span
    if not near and course.amount - course.committed <= _NEARLY * course.amount:
        return "spent"
    if course.end is None or course.out is None or decisions < _FIRST_DECISIONS:
        return None
    if paced and course.now - course.start < _FIRST_TIME * span:
        return None
    return "early" if course.out < course.end - _NEARLY * span else None


def _pieces(start: int, end: int) -> Iterator[tuple[int, float]]:
    """(hour of the day, length in hours) of a span, in order; of a long one whole days are taken together."""
    days, rest = divmod(end - start, DAY)
    if days > 1:
        for hour in range(HOURS):
            yield hour, float(days)
        end = start + rest
    at = start
    while at < end:
        until = min((at // HOUR + 1) * HOUR, end)
        yield at // HOUR % HOURS, (until - at) / HOUR
        at = until
