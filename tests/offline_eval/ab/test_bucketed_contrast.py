"""Contrasts from the totals tier: agreement with rows, clustering, merging, coverage, speed of a large readout."""

import numpy as np
import pytest
from scipy.stats import binom

from offline_eval.ab.bucketed import Bucketed
from offline_eval.ab.bucketed_contrast import Look, bucketed_contrast
from offline_eval.ab.comparisons import COMPARISONS
from offline_eval.ab.sample import Sample

BUCKETS = 256
ONCE = Look(running=False)


def bucketed(
    values: np.ndarray, bucket: np.ndarray, units: int | None = None, stratum: np.ndarray | None = None
) -> Bucketed:
    strata = np.zeros(len(values), dtype=int) if stratum is None else stratum
    place, shape = strata * BUCKETS + bucket, (strata.max(initial=0) + 1, BUCKETS)
    totals = np.bincount(place, values, shape[0] * BUCKETS).reshape(shape)
    sizes = np.bincount(place, None, shape[0] * BUCKETS).reshape(shape).astype(float)
    binary = bool(((values == 0) | (values == 1)).all())
    return Bucketed(totals, sizes, np.ones(shape[0]), len(values), len(values) if units is None else units, binary)


def shares(rng: np.random.Generator, n: int, rate: float) -> tuple[np.ndarray, np.ndarray]:
    return (rng.random(n) < rate).astype(float), rng.integers(0, BUCKETS, n)


def test_is_near_welch_on_the_rows():
    rng = np.random.default_rng(1)
    groups = [shares(rng, 40_000, 0.12), shares(rng, 30_000, 0.10)]
    mine = bucketed_contrast(*[bucketed(*group) for group in groups], ONCE)
    welch = COMPARISONS["welch"]().compare(*[Sample.of(values) for values, _ in groups])
    assert mine.absolute.value == pytest.approx(welch.absolute.value, rel=1e-9)
    width, theirs = (c.absolute.upper - c.absolute.lower for c in (mine, welch))
    assert width == pytest.approx(theirs, rel=0.15)


def test_repeated_decisions_of_a_unit_count_once():
    rng = np.random.default_rng(2)
    groups = [shares(rng, 8000, 0.3), shares(rng, 8000, 0.3)]
    once = bucketed_contrast(*[bucketed(*group) for group in groups])
    five = bucketed_contrast(*[bucketed(np.repeat(v, 5), np.repeat(b, 5), units=8000) for v, b in groups])
    assert five.absolute.lower == pytest.approx(once.absolute.lower, rel=1e-9)
    assert five.relative.upper == pytest.approx(once.relative.upper, rel=1e-9)


def test_what_two_arms_share_through_their_units_is_taken_out():
    rng = np.random.default_rng(3)
    own, bucket = rng.normal(size=6000), rng.integers(0, BUCKETS, 6000)
    one, other = own + 0.1 * rng.normal(size=6000), own + 0.1 * rng.normal(size=6000)
    paired = bucketed_contrast(bucketed(one, bucket), bucketed(other, bucket), ONCE).absolute
    apart = bucketed_contrast(bucketed(one, bucket), bucketed(other, rng.permutation(bucket)), ONCE).absolute
    assert paired.upper - paired.lower < 0.3 * (apart.upper - apart.lower)


def test_scale_and_shift():
    rng = np.random.default_rng(4)
    groups = [(rng.exponential(size=5000), rng.integers(0, BUCKETS, 5000)) for _ in range(2)]
    plain = bucketed_contrast(*[bucketed(*g) for g in groups]).absolute
    moved = bucketed_contrast(*[bucketed(7 * v + 3, b) for v, b in groups]).absolute
    assert (moved.value, moved.lower, moved.upper) == pytest.approx(
        (7 * plain.value, 7 * plain.lower, 7 * plain.upper), rel=1e-9
    )


def test_revisions_with_other_shares_do_not_mix():
    """Simpson: the treatment is useless in both revisions, but had most units in the better one."""
    rng = np.random.default_rng(5)
    values, strata = [], []
    for sizes in ((18_000, 2_000), (5_000, 15_000)):
        parts = [shares(rng, n, rate)[0] for n, rate in zip(sizes, (0.4, 0.1), strict=True)]
        values.append(np.concatenate(parts))
        strata.append(np.repeat([0, 1], sizes))
    groups = [bucketed(v, rng.integers(0, BUCKETS, len(v)), None, s) for v, s in zip(values, strata, strict=True)]
    bounds = bucketed_contrast(*groups).absolute
    assert bounds.lower < 0 < bounds.upper
    assert abs(bounds.value) < 0.02


@pytest.mark.parametrize("running", [False, True])
def test_covers(running):
    hits = 0
    for seed in range(600):
        rng = np.random.default_rng([seed, 6])
        groups = [bucketed(*shares(rng, 1200, rate)) for rate in (0.25, 0.2)]
        bounds = bucketed_contrast(*groups, Look(running)).absolute
        hits += bounds.lower <= 0.05 <= bounds.upper
    assert binom.cdf(hits, 600, 0.95) > 0.001


def test_too_few_events_while_running():
    rng = np.random.default_rng(7)
    found = bucketed_contrast(*[bucketed(*shares(rng, 500, 0.05)) for _ in range(2)])
    assert found.absolute.lower is None
    assert "too few" in found.note


def test_a_revision_that_one_group_lacks_is_left_out():
    rng = np.random.default_rng(8)
    values, bucket = shares(rng, 4000, 0.3)
    strata = np.repeat([0, 1], 2000)
    both = bucketed(values, bucket, None, strata)
    late = values * (strata == 1), (strata == 1).astype(float)
    shape = both.totals.shape
    place = strata * BUCKETS + bucket
    totals, sizes = (np.bincount(place, column, 2 * BUCKETS).reshape(shape) for column in late)
    found = bucketed_contrast(Bucketed(totals, sizes, both.weights, 2000, 2000, True), both, ONCE)
    assert found.absolute.value == pytest.approx(0.0, abs=1e-12)


def test_empty_groups_have_no_contrast():
    empty = Bucketed(np.zeros((1, BUCKETS)), np.zeros((1, BUCKETS)), np.ones(1), 0, 0)
    assert bucketed_contrast(empty, empty).absolute.value is None
