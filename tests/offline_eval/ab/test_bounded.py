"""Intervals within limits: laws of the boundary, bounds and p, levels in skewed worlds, what is withheld."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, norm, poisson

from benchmarks.money_worlds import Spending, World
from benchmarks.readout_money import ALWAYS, ONCE, errs_within_limits
from offline_eval.ab.bounded import Pull, at_every_look, at_one_look, p_at_every_look, p_at_one_look
from offline_eval.ab.bucketed import Linearised, linearised_mean
from offline_eval.ab.bucketed_contrast import Look, ahead_of, linearised_contrast, widest_critical
from offline_eval.ab.bucketed_pair import Paired
from offline_eval.ab.fieller import Means
from offline_eval.ab.limits import UNLIMITED
from offline_eval.ab.means import mean_of
from offline_eval.ab.sample import Sample
from offline_eval.intervals.gamma_exponential_cs import log_wealth

POSITIVE = st.floats(1e-3, 1e3)


@given(variance=POSITIVE, up=POSITIVE, down=POSITIVE, alpha=st.floats(0.001, 0.2))
def test_a_bound_is_where_p_is_alpha(variance, up, down, alpha):
    pull = Pull(up, down)
    sides = at_every_look(variance, pull, alpha)
    assert p_at_every_look(sides.below, variance, pull) == pytest.approx(alpha, rel=0.02)
    assert p_at_every_look(-sides.above, variance, pull) == pytest.approx(alpha, rel=0.02)


@given(variance=POSITIVE, pull=POSITIVE, scale=st.floats(0.01, 100))
def test_scale_equivariance(variance, pull, scale):
    plain = at_every_look(variance, Pull(pull, pull), 0.05)
    scaled = at_every_look(variance * scale**2, Pull(pull * scale, pull * scale), 0.05)
    assert scaled.below == pytest.approx(plain.below * scale, rel=1e-9)


@given(variance=POSITIVE, pull=POSITIVE)
def test_more_variance_and_less_alpha_are_wider(variance, pull):
    one = at_every_look(variance, Pull(pull, pull), 0.05).below
    assert at_every_look(2 * variance, Pull(pull, pull), 0.05).below >= one
    assert at_every_look(variance, Pull(pull, pull), 0.01).below > one


def test_interpolation_is_never_narrower_than_the_boundary():
    for variance in np.geomspace(1e-5, 1e8, 97):
        reach = at_every_look(float(variance), Pull(1.0, 1.0), 0.05).below
        assert float(log_wealth(reach, variance, 5.0)) >= np.log(2 / 0.05) * (1 - 1e-9)


def test_with_much_variance_it_is_a_normal_mixture_and_at_least_the_fixed_width():
    for variance in (100.0, 1e4, 1e6):
        width = at_every_look(variance, Pull(1.0, 1.0), 0.05).below / variance**0.5
        assert 2.72 < width < 4.5


def test_at_one_look_p_and_bounds_agree():
    means = Means(1.0, 0.4, 0.05, 0.03)
    pulls = Pull(0.3, 0.01), Pull(0.2, 0.02)
    for critical in (1.0, 1.96, 3.0):
        below = at_one_look(means, pulls, critical).below
        moved = replace(means, top=means.bottom + below)
        level = p_at_one_look(moved, pulls, 1e9)
        assert level == pytest.approx(2 * norm.sf(critical), rel=1e-6)


def test_a_missing_group_of_spenders_is_no_proof():
    """A control that has had none of eight spenders to expect is what chance does once in 3,000 lives at one look."""
    treated = Sample.of(np.r_[np.ones(400), np.zeros(4600)] * 9.0).within((0.0, 9.0))
    control = Sample.of(np.zeros(100)).within((0.0, 9.0))
    assert ALWAYS.compare(treated, control).p_value > poisson.pmf(0, 8.0)


def test_all_looks_at_once_say_what_single_looks_say():
    """The benchmark's shortcut against the comparison."""
    world = World.null(0.95, Spending(0.1, 1.5), Spending(0.1, 1.5))
    worlds = [world, replace(world, treated=replace(world.treated, rate=0.3))]
    for place, each in enumerate(worlds):
        life = each.life(np.random.default_rng([place, 50]), 10_000, 10)
        single = [(ALWAYS.compare(*pair).p_value or 1.0) <= 0.0499 for pair in life.rows()]
        assert errs_within_limits(life.counts(), each.cap) == any(single)


SKEWED = {
    "A/A, 95/5": World.null(0.95, Spending(0.1, 2.5), Spending(0.1, 2.5)),
    "A/A, Pareto, 90/10": World.null(0.9, Spending(0.3, -1.5), Spending(0.3, -1.5)),
    "other rates and tails": World.null(0.95, Spending(0.05, 0.5), Spending(0.2, 2.5)),
}


@pytest.mark.parametrize("name", SKEWED)
def test_money_is_rarely_ever_called_different_where_it_is_not(name):
    wrong = 0
    for run in range(60):
        life = SKEWED[name].life(np.random.default_rng([run, 51]), 5000, 20)
        wrong += any((ALWAYS.compare(*pair).p_value or 1.0) <= 0.05 for pair in life.rows())
    assert binom.sf(wrong - 1, 60, 0.05) > 0.001


@pytest.mark.parametrize("name", SKEWED)
def test_rows_and_buckets_cover_at_one_look(name):
    world = SKEWED[name]
    units = round(100 / min(world.share * world.treated.rate, (1 - world.share) * world.control.rate))
    covered = np.zeros(3)
    for run in range(120):
        life = world.life(np.random.default_rng([run, 52]), units, 1)
        groups = [Linearised.of(group) for group in next(life.buckets())]
        rows, sums = ONCE.compare(*next(life.rows())), linearised_contrast(groups[0], groups[1], Look(False))
        own, truth = linearised_mean(groups[1]), world.control.mean(world.cap)
        covered += [
            rows.absolute.lower <= 0 <= rows.absolute.upper,
            sums.absolute.lower <= 0 <= sums.absolute.upper,
            own.lower <= truth <= own.upper,
        ]
    assert all(binom.cdf(hits, 120, 0.94) > 0.001 for hits in covered)


def test_rows_and_buckets_of_one_decision_a_unit_agree():
    life = SKEWED["A/A, 95/5"].life(np.random.default_rng(53), 40_000, 1)
    rows = ALWAYS.compare(*next(life.rows())).absolute
    groups = [Linearised.of(group) for group in next(life.buckets())]
    sums = linearised_contrast(groups[0], groups[1], Look(True)).absolute
    assert sums.value == pytest.approx(rows.value)
    assert sums.upper - sums.lower == pytest.approx(rows.upper - rows.lower, rel=0.2)


@pytest.mark.parametrize("running", [True, False])
def test_a_skewed_mean_without_limits_has_no_bounds_and_the_note_says_what_to_do(running):
    life = SKEWED["A/A, 95/5"].life(np.random.default_rng(54), 40_000, 1)
    groups = [Linearised.of(replace(group, limits=None)) for group in next(life.buckets())]
    found = linearised_contrast(groups[0], groups[1], Look(running))
    assert found.absolute.value is not None and found.absolute.lower is None
    assert found.note == UNLIMITED and "cap_revenue" in found.note
    assert linearised_mean(groups[1]).lower is None
    assert widest_critical([Paired.of(*groups)], Look(running)) is None


def test_hardly_skewed_means_need_no_limits():
    rng = np.random.default_rng(55)
    pair = [Sample.of(rng.poisson(3.0, 4000)) for _ in range(2)]
    assert ALWAYS.compare(*pair).absolute.lower is not None
    assert mean_of(pair[0]).lower is not None
    assert mean_of(Sample.of(rng.lognormal(0, 2.5, 4000))).lower is None


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=30), st.lists(st.floats(-100, 100), max_size=30))
def test_cubes_of_merged_samples_are_those_of_all_at_once(one, other):
    merged, whole = Sample.of(one) + Sample.of(other), Sample.of(one + other)
    assert merged.cubes == pytest.approx(whole.cubes, rel=1e-6, abs=1e-3)


def test_what_lies_ahead_begins_with_what_is_and_shrinks():
    life = SKEWED["A/A, Pareto, 90/10"].life(np.random.default_rng(56), 20_000, 1)
    groups = [Linearised.of(group) for group in next(life.buckets())]
    now, ahead = linearised_contrast(*groups, Look(True)).absolute, ahead_of(Paired.of(*groups), Look(True))
    assert ahead is not None
    assert ahead(1.0).below == pytest.approx(now.value - now.lower, rel=1e-6)
    assert ahead(1.0).above == pytest.approx(now.upper - now.value, rel=1e-6)
    assert ahead(1.0).below > ahead(2.0).below > ahead(20.0).below


def test_units_with_many_decisions_are_one_unit():
    """The same lives, each unit's amount spread over five decisions: five times the sizes, the same verdict."""
    life = SKEWED["A/A, 95/5"].life(np.random.default_rng(57), 20_000, 1)
    once = [Linearised.of(group) for group in next(life.buckets())]
    spread = [
        Linearised.of(replace(group, sizes=5 * group.sizes, rounds=5 * group.rounds)) for group in next(life.buckets())
    ]
    one, five = (linearised_contrast(*groups, Look(True)) for groups in (once, spread))
    assert five.absolute.value == pytest.approx(one.absolute.value / 5)
    assert five.p_value >= one.p_value - 1e-9
    assert 5 * (five.absolute.upper - five.absolute.lower) < 1.3 * (one.absolute.upper - one.absolute.lower)
