"""The laws that every interval in the dict obeys."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offline_eval.intervals import INTERVALS
from offline_eval.intervals.evidence import MissingEvidenceError
from offline_eval.intervals.known import Bounds
from offline_eval.intervals.sequence import OrderError
from offline_eval.ope.evaluate import estimate, evidence_of
from offline_eval.ope.gather import Plan, Statistics, gather
from tests.examples import few

EVERY = tuple(INTERVALS)
UNIT = Bounds((0.0, 1.0), (0.0, 40.0))
PLAN = Plan(("ips", "snips"))
ORDERED = Plan(("ips", "snips"), sequence=True)
seeds = st.integers(0, 10**6)


def limits(name: str, statistics: Statistics, alpha: float = 0.05, bounds: Bounds = UNIT) -> tuple[float, float]:
    return INTERVALS[name](evidence_of("ips", statistics, bounds), alpha)


@pytest.mark.parametrize("name", EVERY)
@few(8)
@given(seed=seeds, rows=st.integers(5, 900))
def test_smaller_alpha_is_wider(make_log, name: str, seed: int, rows: int) -> None:
    statistics = gather(make_log(seed, rows), ORDERED, UNIT)
    (low, high), (lower, higher) = limits(name, statistics, 0.1), limits(name, statistics, 0.01)
    assert lower <= low <= high <= higher


@pytest.mark.parametrize("name", [name for name in EVERY if not INTERVALS[name].order_dependent])
@few(8)
@given(seed=seeds, cut=st.integers(1, 1399))
def test_merging_parts_equals_adding_all_at_once(make_log, name: str, seed: int, cut: int) -> None:
    batch = make_log(seed, 1400)
    merged = gather(batch.rows(0, cut), PLAN) + gather(batch.rows(cut, len(batch)), PLAN)
    assert limits(name, merged) == pytest.approx(limits(name, gather(batch, PLAN)), abs=1e-9)


@pytest.mark.parametrize("name", [name for name, one in INTERVALS.items() if one.order_dependent])
def test_order_dependent_ones_continue_but_do_not_merge(make_log, name: str) -> None:
    batch = make_log(4, 1000)
    first = gather(batch.rows(0, 300), ORDERED, UNIT)
    second = gather(batch.rows(300, 1000), ORDERED, UNIT, before=first.sequence)
    assert limits(name, second) == pytest.approx(limits(name, gather(batch, ORDERED, UNIT)), abs=1e-9)
    with pytest.raises(OrderError):
        first + second


@pytest.mark.parametrize("name", [name for name in EVERY if not INTERVALS[name].order_dependent])
@few(8)
@given(seed=seeds, rows=st.integers(10, 700))
def test_replicating_the_sample_never_widens(make_log, name: str, seed: int, rows: int) -> None:
    batch = make_log(seed, rows)
    once = gather(batch, PLAN)
    twice = once + gather(replace(batch, first_row=rows), PLAN)
    (low, high), (lower, higher) = limits(name, once), limits(name, twice)
    chance = 0.05 if name == "bootstrap" else 1e-7
    assert higher - lower <= (high - low) * (1 + chance) if math.isfinite(high - low) else True


@pytest.mark.parametrize("name", [name for name in EVERY if name != "bootstrap"])
@few(8)
@given(seed=seeds, factor=st.floats(0.1, 30.0))
def test_scale_equivariance(make_log, name: str, seed: int, factor: float) -> None:
    batch = make_log(seed, 600)
    stretched, wide = replace(batch, reward=factor * batch.reward), Bounds((0.0, factor), UNIT.weight)
    found = limits(name, gather(stretched, ORDERED, wide), bounds=wide)
    expected = limits(name, gather(batch, ORDERED, UNIT))
    assert found == pytest.approx(tuple(factor * limit for limit in expected), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    "name", ["cressie_read", "empirical_likelihood", "merged_cs", "gamma_exponential_cs", "empirical_bernstein_cs"]
)
@few(8)
@given(seed=seeds, shift=st.floats(-3.0, 3.0))
def test_shift_equivariance_of_bounds_on_the_value(make_log, name: str, seed: int, shift: float) -> None:
    batch = make_log(seed, 600)
    moved, span = replace(batch, reward=batch.reward + shift), Bounds((shift, 1.0 + shift), UNIT.weight)
    found = limits(name, gather(moved, ORDERED, span), bounds=span)
    expected = limits(name, gather(batch, ORDERED, UNIT))
    assert found == pytest.approx(tuple(limit + shift for limit in expected), abs=1e-6)


@pytest.mark.parametrize("name", EVERY)
def test_what_cannot_be_computed_is_an_error(make_log, name: str) -> None:
    statistics = gather(make_log(1), Plan(("ips",), buckets=False, cells=False))
    needs_more = name not in {"normal", "asymptotic_cs", "trivial"}
    if needs_more:
        with pytest.raises(MissingEvidenceError):
            limits(name, statistics, bounds=Bounds())
    else:
        low, high = limits(name, statistics, bounds=Bounds())
        assert low <= high


@pytest.mark.parametrize("name", ["normal", "bootstrap", "cressie_read", "empirical_likelihood"])
def test_rows_of_one_unit_are_clustered(make_log, name: str) -> None:
    """Copying every row four times within its unit adds no information."""
    batch = make_log(9, 800, repeats=2)
    single = gather(replace(batch, unit=np.random.default_rng(1).integers(0, 1 << 63, 800, dtype=np.uint64)), PLAN)
    copies = np.repeat(np.arange(800), 4)
    columns = {c: getattr(batch, c)[copies] for c in ("action", "propensity", "reward", "target_chosen")}
    hashes = np.random.default_rng(1).integers(0, 1 << 63, 800, dtype=np.uint64)
    copied = replace(batch, target=None, q=None, logged=None, mixture_propensity=None, segment=None, period=None)
    copied = replace(copied, **columns, unit=hashes[copies])
    (low, high), (lower, higher) = limits(name, single), limits(name, gather(copied, PLAN))
    assert higher - lower == pytest.approx(high - low, rel=0.15)


def test_weak_ones_say_so() -> None:
    for name in ("normal", "bootstrap", "asymptotic_cs"):
        assert "below 93 %" in INTERVALS[name].claims
    for name in EVERY:
        words = INTERVALS[name].claims.lower()
        assert ("anytime-valid" in words or "after\n    every row" in words or "after every row" in words) == (
            INTERVALS[name].anytime_valid
        ), name
        assert ("asymptotic" in words.replace("non-asymptotic", "")) == INTERVALS[name].asymptotic, name


def test_an_interval_that_is_not_valid_for_an_estimator_is_refused(make_log) -> None:
    statistics = gather(make_log(1), Plan(("ips", "dm")))
    with pytest.raises(ValueError, match="not valid for 'dm'"):
        estimate("dm", statistics, UNIT, "empirical_likelihood")
