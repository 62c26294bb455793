"""Means clustered by unit: laws, and coverage under the design they claim."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest

from offline_eval.ab.bucketed import EXACT, Bucketed, Linearised, bucketed_mean, linearised_mean

BUCKETS = 256


def group(totals, sizes, binary=False, weights=(1.0,), units=10**6):
    totals, sizes = np.atleast_2d(totals), np.atleast_2d(sizes)
    return Bucketed(totals, sizes, np.array(weights, dtype=float), int(sizes.sum()), units, binary)


def test_the_value_is_the_ratio_of_sums():
    rng = np.random.default_rng(1)
    sizes = rng.integers(0, 5, BUCKETS).astype(float)
    totals = sizes * rng.random(BUCKETS)
    found = bucketed_mean(group(totals, sizes))
    assert found.value == pytest.approx(totals.sum() / sizes.sum())
    assert found.lower < found.value < found.upper


def test_strata_are_weighted_and_empty_ones_give_their_weight_away():
    sizes = np.array([[2.0, 2.0], [8.0, 8.0], [0.0, 0.0]])
    totals = np.array([[1.0, 3.0], [0.0, 8.0], [0.0, 0.0]])
    found = bucketed_mean(group(totals, sizes, weights=(1.0, 3.0, 5.0)))
    assert found.value == pytest.approx(0.25 * 1.0 + 0.75 * 0.5)


def test_shift_and_scale():
    rng = np.random.default_rng(2)
    sizes = rng.integers(1, 9, BUCKETS).astype(float)
    totals = rng.normal(size=BUCKETS)
    plain, moved = bucketed_mean(group(totals, sizes)), bucketed_mean(group(3 * totals + 2 * sizes, sizes))
    for name in ("value", "lower", "upper"):
        assert getattr(moved, name) == pytest.approx(3 * getattr(plain, name) + 2)


def test_nothing_gives_nothing_and_one_bucket_gives_no_interval():
    assert bucketed_mean(group(np.zeros(BUCKETS), np.zeros(BUCKETS))).value is None
    lone = np.zeros(BUCKETS)
    lone[3] = 4.0
    assert bucketed_mean(group(lone / 2, lone)).upper is None


def test_a_share_without_events_is_bounded_away_from_certainty():
    sizes = np.zeros(BUCKETS)
    sizes[:100] = 1.0
    found = bucketed_mean(group(np.zeros(BUCKETS), sizes, binary=True, units=100))
    assert (found.value, found.lower, found.method) == (0.0, 0.0, EXACT)
    assert found.upper == pytest.approx(1 - 0.025 ** (1 / 100))


@pytest.mark.parametrize(("units", "binary"), [(400, False), (4000, False), (400, True)])
def test_intervals_cover_under_correlated_decisions_of_a_unit(units: int, binary: bool):
    """Units have 1 to 6 decisions whose values share the unit's own level; nominal 95 %."""
    rng = np.random.default_rng(units)
    hits, trials = 0, 800
    for _ in range(trials):
        counts = rng.integers(1, 7, units)
        level = rng.beta(0.4, 1.6, units)
        values = rng.binomial(counts, level) if binary else counts * level + rng.normal(size=units) * np.sqrt(counts)
        bucket = rng.integers(0, BUCKETS, units)
        sizes = np.bincount(bucket, counts, BUCKETS)
        totals = np.bincount(bucket, values, BUCKETS)
        found = bucketed_mean(group(totals, sizes, binary, units=units))
        hits += found.lower <= 0.2 <= found.upper
    assert binomtest(hits, trials, 0.95).pvalue > 1e-4


def test_bounds_lie_within_what_is_possible_but_never_short_of_what_was_seen():
    totals, sizes = np.zeros((1, 8)), np.full((1, 8), 3.0)
    totals[0, 0] = 5.0
    wide = replace(Linearised.of(replace(group(totals, sizes), limits=(0.0, 900.0))), hits=1.0)
    held = linearised_mean(replace(wide, possible=(0.0, 5.0)))
    assert linearised_mean(wide).upper > held.upper == 5.0
    assert linearised_mean(wide).lower <= held.lower == 0.0
    seen = linearised_mean(replace(wide, possible=(0.0, 0.0)))
    assert seen.value == seen.upper == linearised_mean(wide).value
