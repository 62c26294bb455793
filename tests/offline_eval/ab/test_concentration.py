"""Few units with most of the decisions: intervals and tests between segments know that they are few."""

import math

import numpy as np
import pytest
from scipy.stats import binom

from offline_eval.ab.bucketed import Bucketed, Linearised, bucketed_mean
from offline_eval.ab.bucketed_contrast import Look, bucketed_contrast
from offline_eval.ab.bucketed_pair import Paired
from offline_eval.ab.concentration import CONCENTRATED, effective_freedom
from offline_eval.ab.heterogeneity import Effect, heterogeneity

BUCKETS = 64
LIVES = 600


def group(sizes, totals, units):
    sizes, totals = np.asarray(sizes, dtype=float), np.asarray(totals, dtype=float)
    return Bucketed(totals[None], sizes[None], np.ones(1), int(sizes.sum()), units, True, float(totals.sum()))


def people(rng, n, rate=0.4):
    """Pareto numbers of decisions, all of a person's alike."""
    counts = np.minimum(rng.random(n) ** (-1 / 1.2), 200).astype(int)
    bucket, value = rng.integers(0, BUCKETS, n), rng.random(n) < rate
    return group(*(np.bincount(bucket, w, BUCKETS) for w in (counts, counts * value)), n)


def test_equal_buckets_lose_one_degree_of_freedom():
    assert effective_freedom([np.full(BUCKETS, 1 / BUCKETS)]) == pytest.approx(BUCKETS - 1)


def test_a_giant_leaves_hardly_any_degree_of_freedom():
    assert effective_freedom([np.array([1000.0] + [1.0] * 200)]) < 0.001


def test_one_decision_a_unit_counts_buckets_as_before():
    rng = np.random.default_rng(1)
    sizes = rng.poisson(3, BUCKETS) + 1
    one = Linearised.of(group(sizes, rng.binomial(sizes, 0.4), int(sizes.sum())))
    assert Paired.of(one, one).freedom == BUCKETS - 1 == one.freedom


@pytest.mark.parametrize("running", [True, False])
def test_where_one_unit_has_nearly_everything_nothing_is_claimed(running):
    giant, others = group([3000] + [2] * 63, [1500] + [1] * 63, 127), group([4] * 64, [2] * 64, 128)
    found = bucketed_contrast(giant, others, Look(running))
    assert found.absolute.lower is None
    assert found.note == CONCENTRATED
    assert bucketed_mean(giant).lower is None


def test_the_fixed_interval_covers_with_power_law_people():
    rng, wrong = np.random.default_rng(11), 0
    for _ in range(LIVES):
        found = bucketed_contrast(people(rng, 150), people(rng, 300), Look(False)).absolute
        wrong += found.lower is not None and not found.lower <= 0 <= found.upper
    assert binom.sf(wrong - 1, LIVES, 0.05) > 0.001


def estimated(rng, freedoms):
    """Equal lifts whose variances are estimated with these degrees of freedom."""
    true = np.exp(rng.normal(0, 0.7, len(freedoms)))
    return {
        str(place): Effect(rng.normal() * v**0.5, v * rng.chisquare(f) / f, float(f))
        for place, (v, f) in enumerate(zip(true, freedoms, strict=True))
    }


@pytest.mark.parametrize("freedoms", [(12,) * 3, (12,) * 10, (12, 200) * 5])
def test_equal_segments_with_estimated_variances_seldom_differ(freedoms):
    rng = np.random.default_rng(5)
    found = [heterogeneity(estimated(rng, freedoms)) for _ in range(LIVES)]
    differ = sum(one.p_value <= 0.05 for one in found)
    named = sum(one.p_value <= 0.05 and min(one.differing.values()) <= 0.05 for one in found)
    assert binom.sf(max(differ, named) - 1, LIVES, 0.06) > 0.001


def test_two_segments_are_tested_by_students_t():
    """Holm doubles the p-value of each."""
    effects = {"a": Effect(0.0, 1.0, 10.0), "b": Effect(3.0, 2.0, 20.0)}
    found = heterogeneity(effects)
    assert found.p_value == pytest.approx(found.differing["a"] / 2, rel=1e-9)


def test_many_degrees_of_freedom_are_as_good_as_known_variances():
    effects = {str(k): (0.1 * k * (-1) ** k, 0.01 * (k + 1)) for k in range(5)}
    known = heterogeneity({name: Effect(*pair) for name, pair in effects.items()})
    nearly = heterogeneity({name: Effect(*pair, 1e9) for name, pair in effects.items()})
    assert nearly.p_value == pytest.approx(known.p_value, rel=1e-5)
    assert all(math.isclose(nearly.differing[k], known.differing[k], rel_tol=1e-5) for k in effects)


def rare(rng, n, rate, most=40):
    """People with power-law numbers of decisions, of which either all or none pay."""
    counts = np.minimum(rng.random(n) ** (-1 / 1.2), most).astype(int)
    bucket, value = rng.integers(0, 256, n), rng.random(n) < rate
    return group(*(np.bincount(bucket, w, 256) for w in (counts, counts * value)), n)


def test_a_hundred_events_of_three_people_are_three():
    rng = np.random.default_rng(12)
    sizes = np.bincount(rng.integers(0, 256, 3000), np.full(3000, 4.0), 256)
    totals = np.zeros(256)
    totals[[3, 70, 200]] = [40, 30, 30]
    few = Linearised.of(group(sizes, totals, 3000))
    assert few.events == pytest.approx(3, abs=0.1)
    none_left = Linearised.of(group(sizes, sizes - totals, 3000))
    assert none_left.events == pytest.approx(3, abs=0.1)


def test_units_that_weigh_alike_count_in_full_and_a_giant_for_one():
    rng = np.random.default_rng(13)
    alike = Linearised.of(group(np.bincount(rng.integers(0, 256, 5000), np.full(5000, 4.0), 256), np.zeros(256), 5000))
    assert alike.trials(np.ones(1)) == pytest.approx(5000, rel=0.3)
    giant = Linearised.of(group([1e6] + [2.0] * 255, np.zeros(256), 256))
    assert giant.trials(np.ones(1)) == pytest.approx(1, abs=0.01)
    once = group(np.bincount(rng.integers(0, 256, 700), minlength=256), np.zeros(256), 700)
    assert Linearised.of(once).trials(np.ones(1)) == 700


@pytest.mark.parametrize("rate", [0.001, 0.01])
def test_few_events_of_people_with_many_decisions_are_covered(rate):
    """Student's interval over buckets was wrong in up to a fifth of such campaigns."""
    rng, wrong, shown = np.random.default_rng(14), 0, 0
    for _ in range(LIVES):
        found = bucketed_contrast(rare(rng, 300, rate), rare(rng, 1800, rate), Look(False))
        low, high = found.absolute.lower, found.absolute.upper
        shown += low is not None
        wrong += low is not None and not low <= 0 <= high
        if found.p_value is not None and low is not None:
            assert (found.p_value < 0.05) == (not low <= 0 <= high)
    assert binom.sf(wrong - 1, LIVES, 0.05) > 0.001
    assert shown > 0.9 * LIVES
