"""Money, Fieller's sets, delays, heterogeneity."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from statsmodels.stats.meta_analysis import combine_effects

from offline_eval.ab.comparisons.large_sample import LargeSample
from offline_eval.ab.comparisons.non_inferiority import NonInferiority
from offline_eval.ab.comparisons.welch import Welch
from offline_eval.ab.delay import Delays, early_view
from offline_eval.ab.errors import SampleError
from offline_eval.ab.fieller import Means, fieller, relative_lift
from offline_eval.ab.heterogeneity import Effect, heterogeneity
from offline_eval.ab.money import money
from offline_eval.ab.multiplicity import ADJUSTMENTS
from offline_eval.ab.sample import Sample
from offline_eval.ab.sketch import Sketch


def spending(seed: int, n: int, rate: float, reward: float) -> Sample:
    rng = np.random.default_rng(seed)
    back = (rng.random(n) < rate).astype(float)
    return Sample.of(
        back * rng.lognormal(3, 0.5, n),
        reward_cost=back * reward,
        contact_cost=np.full(n, 0.01 if reward else 0.0),
        reengagement=back,
    )


def test_money_adds_up():
    treated, control = spending(1, 20_000, 0.15, 2.0), spending(2, 20_000, 0.10, 0.0)
    found = money(treated, control, margin=0.3)
    totals = found.totals
    assert totals["net_value"] == pytest.approx(
        0.3 * totals["revenue"] - totals["reward_cost"] - totals["contact_cost"]
    )
    assert totals["revenue"] == pytest.approx(treated.value * treated.n)
    assert found.roi.estimate.value == pytest.approx(
        totals["net_value"] / (totals["reward_cost"] + totals["contact_cost"])
    )
    cost = found.cost_per_incremental.estimate
    assert cost.lower < (2.0 * 0.15 + 0.01) / 0.05 < cost.upper
    assert not found.cost_per_incremental.note
    incremental = found.incremental_roi.estimate
    lift = found.lift["net_value"].absolute.value
    assert incremental.value == pytest.approx(lift / (treated.mean[1] + treated.mean[2]))


def test_cost_per_incremental_user_says_unbounded():
    found = money(spending(3, 2000, 0.1, 2.0), spending(4, 2000, 0.1, 0.0), margin=0.3).cost_per_incremental
    assert found.estimate.lower is None and found.estimate.upper is None
    assert found.as_dict()["unbounded"] and not found.as_dict()["not_computed"]
    assert found.note.startswith("unbounded")


def test_no_cost_of_users_who_were_lost():
    found = money(spending(3, 5000, 0.1, 2.0), spending(4, 5000, 0.2, 0.0), margin=0.3).cost_per_incremental
    assert found.estimate.value is None and found.estimate.lower is None
    assert "lost" in found.note
    assert found.not_computed and not found.unbounded


def test_no_costs_no_roi():
    found = money(spending(5, 500, 0.1, 0.0), None, margin=0.3)
    assert found.roi.estimate.value is None
    assert "0" in found.roi.note


def test_money_merges():
    parts = [spending(seed, 300, 0.2, 1.0) for seed in range(4)]
    control = spending(9, 1000, 0.1, 0.0)
    one = money(parts[0] + parts[1] + parts[2] + parts[3], control, 0.3)
    other = money(parts[3] + parts[1] + (parts[0] + parts[2]), control, 0.3)
    a, b = one.cost_per_incremental.estimate, other.cost_per_incremental.estimate
    assert (a.value, a.lower, a.upper) == pytest.approx((b.value, b.lower, b.upper), rel=1e-9)


@given(
    st.floats(-5, 5), st.floats(-5, 5), st.floats(0.01, 2), st.floats(0.01, 2), st.floats(-0.9, 0.9), st.floats(-9, 9)
)
def test_fiellers_set_is_what_it_says(top, bottom, v1, v0, correlation, theta):
    means = Means(top, bottom, v1, v0, correlation * (v1 * v0) ** 0.5)
    found = fieller(means, 1.96)
    gap = (top - theta * bottom) ** 2 - 1.96**2 * (v1 - 2 * theta * means.covariance + theta**2 * v0)
    if found.bounded:
        inside = found.lower <= theta <= found.upper
    else:
        inside = found.outside is None or theta <= found.outside[0] or theta >= found.outside[1]
    assert inside == (gap <= 0) or abs(gap) < 1e-6


@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(0.01, 2), st.floats(0.01, 2))
def test_a_relative_lift_has_the_sign_of_the_difference(top, bottom, v1, v0):
    """Whatever the control's sign: bounds in order around the value, and negating both groups negates the lift."""
    means = Means(top, bottom, v1, v0)
    found = relative_lift(means, 1.96)
    if found.value is None:
        assert bottom == 0
        return
    assert found.value == pytest.approx((top - bottom) / abs(bottom), rel=1e-9, abs=1e-9)
    if found.bounded:
        assert found.lower <= found.value + 1e-9 and found.value <= found.upper + 1e-9
    turned = relative_lift(Means(-top, -bottom, v1, v0), 1.96)
    assert turned.value == pytest.approx(-found.value)
    assert turned.bounded == found.bounded
    if found.bounded:
        assert (-turned.upper, -turned.lower) == pytest.approx((found.lower, found.upper), abs=1e-9)


@pytest.mark.parametrize("comparison", [Welch, LargeSample, NonInferiority])
def test_what_is_better_than_a_loss_is_a_gain(comparison):
    rng = np.random.default_rng(4)
    treated, control = Sample.of(rng.normal(0.9, 3, 4000)), Sample.of(rng.normal(-2.1, 3, 4000))
    found = comparison().compare(treated, control)
    assert found.relative.value == pytest.approx((treated.value - control.value) / abs(control.value))
    assert 1 < found.relative.lower < found.relative.value
    assert found.relative.upper is None or found.relative.value < found.relative.upper < 2
    assert found.p_value < 1e-6


def test_not_inferior_to_a_loss_is_no_worse_than_it_by_the_margin():
    control = Sample.of(np.random.default_rng(5).normal(-2.0, 0.1, 4000))
    same = Sample.of(np.random.default_rng(6).normal(-2.0, 0.1, 4000))
    worse = Sample.of(np.random.default_rng(7).normal(-2.2, 0.1, 4000))
    assert NonInferiority(margin=0.02).compare(same, control).p_value < 0.001
    assert NonInferiority(margin=0.02).compare(worse, control).p_value > 0.999


def test_fieller_covers_a_weak_denominator():
    rng = np.random.default_rng(6)
    covered = 0
    for _ in range(2000):
        found = fieller(Means(1.0 + rng.normal() * 0.5, 0.5 + rng.normal() * 0.5, 0.25, 0.25), 1.959964)
        inside = found.outside is None or found.outside[0] >= 2.0 or found.outside[1] <= 2.0
        covered += found.lower <= 2.0 <= found.upper if found.bounded else inside
    assert binom.cdf(covered, 2000, 0.95) > 0.001
    assert binom.sf(covered - 1, 2000, 0.95) > 0.001


@given(st.lists(st.floats(-1e5, 1e5), min_size=1, max_size=80), st.integers(0, 80))
def test_sketches_merge_exactly(values, cut):
    merged, whole = Sketch.of(values[:cut]) + Sketch.of(values[cut:]), Sketch.of(values)
    assert {c: b[0] for c, b in merged.bins.items()} == {c: b[0] for c, b in whole.bins.items()}
    for p in (0.0, 0.3, 0.5, 0.99, 1.0):
        lower, _, upper = whole.quantile(p)
        exact = float(np.quantile(values, p, method="inverted_cdf"))
        assert lower - 1e-6 - abs(lower) * 1e-9 <= exact <= upper + 1e-6 + abs(upper) * 1e-9


def test_capped_moments_are_exact_at_a_border():
    values = np.random.default_rng(7).lognormal(0, 2, 5000)
    sketch = Sketch.of(values)
    cap = sketch.quantile(0.95)[2]
    n, mean, scatter = sketch.capped(cap)
    assert (n, mean) == (5000, pytest.approx(np.minimum(values, cap).mean(), rel=1e-12))
    assert scatter == pytest.approx(np.minimum(values, cap).var() * 5000, rel=1e-9)


def censored(seed: int, n: int, age: float | None = None) -> Delays:
    """Eventual rate 0.3 within a window of 10; delays exponential with mean 3, cut to the window."""
    rng = np.random.default_rng(seed)
    ages = rng.uniform(0, 20, n) if age is None else np.full(n, age)
    delays = np.where(rng.random(n) < 0.3, 10 * rng.beta(1, 2, n), np.nan)
    delays[delays > ages] = np.nan
    return Delays.of(ages, delays, 10.0)


def test_early_view_finds_the_eventual_rate():
    covered = 0
    for seed in range(300):
        rate = early_view(censored(seed, 800)).rate
        covered += rate.lower <= 0.3 <= rate.upper
    assert binom.cdf(covered, 300, 0.95) > 0.001


def test_early_view_merges_and_is_marked():
    parts = [censored(seed, 400) for seed in range(3)]
    merged, other = parts[0] + parts[1] + parts[2], parts[2] + (parts[1] + parts[0])
    assert early_view(merged).rate == early_view(other).rate
    assert early_view(merged).note.startswith("early view")
    assert early_view(merged).open > 0


def test_early_view_does_not_reach_beyond_what_was_watched():
    view = early_view(censored(1, 500, age=4.0))
    assert view.rate.value is None
    assert "nobody" in view.note


def test_early_view_equals_the_plain_rate_when_all_is_matured():
    matured = Delays.of([20.0] * 100, [1.0] * 30 + [float("nan")] * 70, 10.0)
    assert early_view(matured).rate.value == pytest.approx(0.3)
    assert early_view(matured).open == 0


def test_an_event_from_the_future_is_refused():
    with pytest.raises(SampleError):
        Delays.of([1.0], [2.0], 10.0)


def test_heterogeneity_equals_statsmodels():
    values, variances = np.array([0.01, 0.05, -0.02, 0.03]), np.array([1e-4, 4e-4, 2e-4, 1e-4])
    found = heterogeneity(
        {str(i): Effect(float(v), float(s)) for i, (v, s) in enumerate(zip(values, variances, strict=True))}
    )
    theirs = combine_effects(values, variances)
    assert found.statistic == pytest.approx(theirs.q, rel=1e-9)
    assert found.p_value == pytest.approx(theirs.test_homogeneity().pvalue, rel=1e-9)
    assert found.common == pytest.approx(theirs.mean_effect_fe, rel=1e-9)


def test_only_the_differing_segment_differs():
    effects = {f"s{i}": Effect(0.02 + 0.001 * i, 0.0001) for i in range(6)} | {"odd": Effect(0.1, 0.0001)}
    found = heterogeneity(effects)
    assert found.p_value < 0.001
    assert [name for name, p in found.differing.items() if p < 0.05] == ["odd"]


def test_heterogeneity_needs_two_segments():
    assert heterogeneity({"one": Effect(0.1, 0.01)}).p_value is None


@given(st.dictionaries(st.text(max_size=3), st.floats(0, 1), max_size=30))
def test_adjusted_p_values_never_shrink_and_keep_their_order(p_values):
    for adjust in ADJUSTMENTS.values():
        adjusted = adjust(p_values)
        assert list(adjusted) == list(p_values)
        ordered = sorted(p_values, key=lambda name: p_values[name])
        assert all(p_values[name] <= adjusted[name] + 1e-12 for name in ordered)
        assert all(adjusted[a] <= adjusted[b] + 1e-12 for a, b in pairwise(ordered))


@pytest.mark.parametrize("spenders", [0, 49, 50])
def test_returns_have_bounds_from_fifty_spenders_on(spenders: int) -> None:
    revenue = np.where(np.arange(2_000) < spenders, 10.0, 0.0)
    columns = {"reward_cost": 0.1 * (revenue > 0), "contact_cost": np.full(2_000, 0.05), "reengagement": revenue > 0}
    found = money(Sample.of(revenue, **columns).within((0.0, 10.0)), None, 0.5).roi
    assert (found.estimate.lower is not None) == (spenders >= 50)
    assert found.not_computed == (spenders < 50)
