"""Weighted means and their contrasts: laws of the limits, of people, and of the interval that is chosen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offline_eval.ab.logged.asking import Ask
from offline_eval.ab.logged.few_events import beta_limits, counted_events
from offline_eval.ab.logged.people import clustered, people_limits
from offline_eval.ab.logged.side import Side
from offline_eval.ab.logged.skewed import tail_index
from offline_eval.ab.logged.sums import SideRows, pair_sums
from offline_eval.ab.logged.weighing import effect_of, weighted_contrast
from offline_eval.ab.logged.weighted_means import weighted_mean
from offline_eval.ab.proportion import clopper_pearson

SHARE = Ask(0.05, True, (0.0, 1.0))


def side_of(weight, value, unit=None):
    """A side from rows."""
    return sides_of((weight, value, unit), (weight, value, unit))[0]


def sides_of(*sides):
    clusters = 1 + max((int(np.max(unit)) for *_, unit in sides if unit is not None), default=0)
    rows = [
        SideRows(
            np.asarray(w, float), np.asarray(y, float)[None], None if u is None else np.asarray(u, np.intp), clusters
        )
        for w, y, u in sides
    ]
    sums = pair_sums(sum(len(w) for w, *_ in sides), (rows[0], rows[1]))
    return Side.of(sums, 0, 0), Side.of(sums, 1, 0)


@given(st.integers(1, 200), st.floats(0, 1), st.floats(0.5, 50))
def test_limits_of_equal_weights_are_clopper_and_pearsons(n, share, weight):
    events = round(share * n)
    found = beta_limits(side_of(np.full(n, weight), np.arange(n) < events), 0.05)
    theirs = clopper_pearson(events, n, 0.05)
    assert found.lower == pytest.approx(theirs.lower, abs=1e-9)
    assert found.upper == pytest.approx(theirs.upper, abs=1e-9)


@given(st.integers(0, 10_000))
def test_limits_of_what_did_not_happen_are_the_mirrored_ones_and_lie_within_the_range(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 60))
    weight, value = 1 / rng.uniform(0.02, 1, n), (rng.random(n) < rng.random()).astype(float)
    one, other = beta_limits(side_of(weight, value), 0.05), beta_limits(side_of(weight, 1 - value), 0.05)
    assert 0 <= one.lower <= one.value + 1e-12 <= one.upper + 2e-12 <= 1 + 2e-12
    assert (one.lower, one.upper) == pytest.approx((1 - other.upper, 1 - other.lower), abs=1e-9)


def test_a_few_heavy_rows_are_not_many_events():
    light, heavy = np.ones(500), np.full(3, 50.0)
    weight = np.concatenate([light, heavy])
    value = np.concatenate([np.arange(500) < 100, np.zeros(3)])
    assert counted_events(side_of(light, value[:500])) == pytest.approx(100)
    assert counted_events(side_of(weight, value)) < 1


@given(st.integers(0, 10_000))
def test_interval_and_p_value_never_contradict_each_other(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(20, 400))
    sides = [
        (1 / rng.uniform(0.1, 0.9, n), (rng.random(n) < rate).astype(float), None)
        for rate in rng.uniform(0, 0.5, 2) ** 2
    ]
    found = weighted_contrast(*sides_of(*sides), SHARE)
    e, r = found.absolute, found.relative
    if e.lower is not None and found.p_value is not None:
        assert (found.p_value < 0.05) == (e.lower > 0 or e.upper < 0)
        assert -1 <= e.lower <= e.value <= e.upper <= 1
        if r.lower is not None and r.upper is not None and r.value is not None:
            assert (r.lower > 0 or r.upper < 0) == (e.lower > 0 or e.upper < 0)


def test_the_effect_does_not_depend_on_any_level():
    rng = np.random.default_rng(2)
    sides = sides_of(*((np.ones(900), (rng.random(900) < rate).astype(float), None) for rate in (0.2, 0.3)))
    effect = effect_of(*sides, True)
    for alpha in (0.5, 0.05, 0.001):
        e = weighted_contrast(*sides, Ask(alpha, True, (0.0, 1.0))).absolute
        assert effect.value == pytest.approx(e.value, rel=1e-12)
    assert effect.variance == pytest.approx(sum(side.variance for side in sides), rel=1e-12)


def left_out(weight, value, unit):
    whole = (weight @ value) / weight.sum()
    used = np.unique(unit)
    return np.array([whole - (weight[unit != g] @ value[unit != g]) / weight[unit != g].sum() for g in used])


def test_the_variance_is_the_jackknifes_over_units():
    rng = np.random.default_rng(3)
    rows = [(1 / rng.uniform(0.2, 0.9, 300), rng.random(300), rng.integers(0, 15, 300)) for _ in range(2)]
    found = clustered(sides_of(*rows))
    moved = [left_out(*each) for each in rows]
    assert found.people == 15
    assert found.variances == pytest.approx([14 / 15 * each @ each for each in moved], rel=1e-9)
    assert found.covariance == pytest.approx(14 / 15 * moved[0] @ moved[1], rel=1e-9)


def test_degrees_of_freedom_are_those_of_the_whole_matrix():
    rng = np.random.default_rng(4)
    rows = [(1 / rng.uniform(0.2, 0.9, 200), rng.random(200), (rng.pareto(1, 200) % 9).astype(int)) for _ in range(2)]
    sides = sides_of(*rows)
    matrix = 0
    for side in sides:
        share, own = side.shares, side.people[0] / side.people[1] ** 2
        size = len(share)
        residuals = np.eye(size) - np.outer(np.ones(size), share)
        lever = np.diag(share / (1 - share))
        matrix = matrix + lever @ residuals @ np.diag(own) @ residuals.T @ lever
    assert clustered(sides).freedom == pytest.approx(np.trace(matrix) ** 2 / np.trace(matrix @ matrix), rel=1e-9)


@pytest.mark.parametrize("units", [2, 5, 12])
def test_equal_units_that_are_in_both_arms_have_one_degree_of_freedom_less_than_they_are(units):
    rng = np.random.default_rng(5)
    unit = np.repeat(np.arange(units), 500)
    sides = sides_of(*((np.ones(len(unit)), rng.random(len(unit)) < 0.2, unit) for _ in range(2)))
    assert clustered(sides).freedom == pytest.approx(units - 1, rel=1e-9)
    assert weighted_contrast(*sides, SHARE).absolute.effective_n <= units


def test_one_unit_that_is_nearly_all_of_an_arm_gives_no_interval():
    unit = np.concatenate([np.zeros(5000), np.arange(1, 4)])
    value = np.arange(len(unit)) % 3 == 0
    found = weighted_contrast(*sides_of(*((np.ones(len(unit)), value, unit) for _ in range(2))), SHARE)
    assert found.absolute.lower is None or found.absolute.upper - found.absolute.lower > 0.5


def test_events_of_few_units_are_not_many_events():
    unit = np.repeat(np.arange(40), 100)
    spread = np.zeros(len(unit))
    spread[::40] = 1
    clumped = np.zeros(len(unit))
    clumped[:100] = 1
    widths = []
    for value in (spread, clumped):
        limits = people_limits(side_of(np.ones(len(unit)), value, unit), 0.05)
        widths.append(limits.upper - limits.lower)
    assert widths[1] > 5 * widths[0]


def test_amounts_without_a_range_are_withheld_where_the_tail_decides_and_it_is_said_why():
    rng = np.random.default_rng(6)
    ask = Ask(0.05)
    heavy = [rng.pareto(1.1, 4000) + 1 for _ in range(2)]
    found = weighted_contrast(*sides_of(*((np.ones(4000), y, None) for y in heavy)), ask)
    assert found.absolute.lower is None
    assert "cap the amounts" in found.note
    few = [np.where(np.arange(4000) < 30, 5.0, 0.0) for _ in range(2)]
    assert "30 amounts of the 50" in weighted_contrast(*sides_of(*((np.ones(4000), y, None) for y in few)), ask).note
    light = [rng.lognormal(2, 0.5, 4000) * (rng.random(4000) < 0.2) for _ in range(2)]
    assert tail_index(side_of(np.ones(4000), light[0])) > 2
    assert weighted_contrast(*sides_of(*((np.ones(4000), y, None) for y in light)), ask).absolute.lower is not None


def test_means_of_a_known_range_stay_inside_it():
    few = side_of(np.full(30, 3.0), np.arange(30) < 1)
    assert weighted_mean(few, SHARE).lower > 0
    wide = weighted_mean(side_of(np.ones(3), np.array([2.0, 5.0, 5.0])), Ask(0.05, False, (0.0, 5.0)))
    assert 0 <= wide.lower <= 4 <= wide.upper <= 5
