"""Laws of budget pacing: the budget lasts to its end date whatever the traffic's shape, and the forecast says so."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandit.shadow_price import with_shadow_price
from experiments.model.designing.limits import MICRO
from experiments.model.pacing import DAY, HOUR, PacingState, Spending, Step, depletion, lead, step

COSTS = np.array([0.0, 1.0, 5.0])
SHAPES = {
    "flat": np.ones(24),
    "evenings": np.array([1] * 17 + [6] * 5 + [2] * 2, dtype=float),
    "office hours": np.array([0] * 8 + [5] * 9 + [0] * 7, dtype=float),
}


def campaign(shape, share, days=20, hourly=40.0, seed=7):
    """Spent and expected of a policy that would spend 1 / share of its budget; the last forecast but some days."""
    rng, state = np.random.default_rng(seed), PacingState()
    likes = rng.dirichlet([0.4, 0.4, 0.4], size=4096)
    amount = int(share * (likes @ COSTS).mean() * days * 24 * hourly * MICRO)
    rates, price, spent, decisions, forecast = shape / shape.mean() * hourly, 0.0, 0, 0, None
    for hour in range(days * 24):
        for _ in range(rng.poisson(rates[hour % 24])):
            decisions += 1
            left = (amount - spent) / MICRO
            pmf = np.where(left >= COSTS, likes[rng.integers(len(likes))], 0.0) + np.array([1e-9, 0.0, 0.0])
            pmf = with_shadow_price(pmf / pmf.sum(), COSTS, price, 0.0)
            spent += int(COSTS[rng.choice(3, p=pmf)] * MICRO)
        now = (hour + 1) * HOUR
        price = step(
            state,
            price,
            Spending(decisions, spent, 0, 1.0, float(spent), float(spent)),
            Step(amount, hour * HOUR, now, days * DAY, 5.0),
        )
        if hour == days * 12:
            forecast = depletion(state, now, amount - spent)
    return spent / amount, forecast


@pytest.mark.parametrize("shape", SHAPES)
def test_a_campaign_ends_within_two_percent_of_its_budget(shape):
    spent, forecast = campaign(SHAPES[shape], 0.4)
    assert 0.98 <= spent <= 1.0
    value, lower, upper = forecast
    assert lower <= value <= upper
    assert abs(value - 20 * DAY) < 3 * DAY, "half-way it is known when the budget will be spent"


def test_a_budget_that_is_more_than_enough_has_no_price():
    spent, _ = campaign(SHAPES["flat"], 1.5, days=4)
    assert spent == pytest.approx(1 / 1.5, rel=0.1)


DUE, WINDOW, COUPON = 0.4, 6, 5.0


def redeemed(shape, days=14, hourly=40.0, seed=5):
    """Shares of a budget finally paid and ever committed, where a coupon is paid by four in ten, six hours later."""
    rng, state = np.random.default_rng(seed), PacingState()
    rates, amount = shape / shape.mean() * hourly, 0.4 * DUE * COUPON * days * 24 * hourly * MICRO
    price, decisions, gross, paid, most, opened = 0.0, 0, 0.0, 0.0, 0.0, []
    for hour in range(days * 24):
        likes = rng.random(rng.poisson(rates[hour % 24]))
        chance = likes * np.exp(-price * DUE * COUPON) / (1 - likes + likes * np.exp(-price * DUE * COUPON))
        free = amount - paid - sum(opened)
        taken = min(int((rng.random(len(likes)) < chance).sum()), int(free / COUPON / MICRO))
        opened.append(taken * COUPON * MICRO)
        decisions, gross, most = decisions + len(likes), gross + opened[-1], max(most, paid + sum(opened))
        if len(opened) > WINDOW:
            paid += rng.binomial(round(opened.pop(0) / COUPON / MICRO), DUE) * COUPON * MICRO
        spending = Spending(decisions, 0, gross, DUE, paid + DUE * sum(opened), paid + sum(opened))
        at = Step(amount, hour * HOUR, (hour + 1) * HOUR, days * DAY, DUE * COUPON, WINDOW * HOUR)
        price = step(state, price, spending, at)
    return (paid + DUE * sum(opened)) / amount, most / amount


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_committed_and_never_paid_is_spent_before_the_end(shape):
    paid, committed = redeemed(SHAPES[shape])
    assert 0.98 <= paid <= committed <= 1.0


def test_a_budget_that_is_paid_at_once_needs_no_lead():
    assert lead(1.0, 6 * HOUR, 7 * DAY, 0.04) == lead(0.4, 0, 7 * DAY, 0.0) == 0
    assert 0 < lead(0.4, 6 * HOUR, 7 * DAY, 0.04) < lead(0.4, 6 * HOUR, 7 * DAY, 0.05) < DAY
    assert lead(0.4, 6 * HOUR, 60 * DAY, 0.004) == 0, "what is lost at the end of a long campaign is little"


@given(st.integers(0, 10 * DAY), st.integers(0, 10 * DAY), st.integers(1, 2000))
def test_traffic_is_expected_as_it_was_seen(start, length, count):
    state = PacingState()
    state.observe(0, 10 * DAY, count)
    expected = state.expect(start, start + length)
    assert expected == pytest.approx(count * length / (10 * DAY), rel=1e-6, abs=1e-6)
    if expected > 0.01:
        assert abs((state.reach(start, expected) or 0) - start - length) <= max(1e-6 * length, 24)


def test_nothing_is_forecast_before_anything_is_spent():
    assert depletion(PacingState(), 0, 100) is None
    assert depletion(PacingState(), 7, 0) == depletion(PacingState(), 7, -5) == (7, 7, 7), "it is spent now"
