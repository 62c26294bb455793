"""Designs in which plain intervals fail: few events, few people, constant rewards, gaps in support."""

from dataclasses import replace

import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.coverage import clopper_pearson
from benchmarks.coverage_designs import CROWDS, EVENTS, amounts, few_people, gap, rare
from offline_eval.intervals.gamma import gamma_bounds
from offline_eval.intervals.known import Bounds
from offline_eval.ope import ESTIMATORS
from offline_eval.ope.batch import Batch
from offline_eval.ope.difference import difference, gather_joint
from offline_eval.ope.evaluate import estimate, known_of, level
from offline_eval.ope.gather import Plan, gather

EVERY = tuple(ESTIMATORS)
UNIT = Bounds((0.0, 1.0), (0.0, 40.0))
SURE = 1e-3
PLAIN = Plan(("ips",), buckets=False, cells=False)


def refuted(hits: int, tries: int, claim: float = 0.94) -> bool:
    return clopper_pearson(hits, tries, SURE)[1] < claim


def constant(value: float, rows: int) -> Batch:
    """A log whose every row earned the same, seen from the policy that made it."""
    return Batch.of(np.arange(rows) % 2, np.full(rows, 0.5), np.full(rows, value), np.full((rows, 2), 0.5))


@pytest.mark.parametrize("heavy", [1.0, 2.0, 10.0])
def test_the_gamma_interval_covers_at_every_number_of_events(heavy: float) -> None:
    """Events of weight 1 and of a weight `heavy`, as many of each."""
    rng = np.random.default_rng(1)
    for expected in (0.2, *EVENTS, 100.0):
        count = rng.poisson(expected / 2, (1000, 2))
        total, squares = count @ [1.0, heavy], count @ [1.0, heavy**2]
        limits = np.array([gamma_bounds(t, s, heavy, 0.05) for t, s in zip(total, squares, strict=True)])
        truth = expected / 2 * (1.0 + heavy)
        hits = int(((limits[:, 0] <= truth) & (truth <= limits[:, 1])).sum())
        assert not refuted(hits, len(count)), expected


@pytest.mark.parametrize("high", [False, True])
def test_rare_rewards_are_covered_by_the_rule(high: bool) -> None:
    for name, held in rare(2.0, 400, 60, np.random.default_rng(2), high).items():
        if "the rule" in name:
            assert not refuted(sum(held), len(held)), name


def test_few_people_are_covered_by_the_rule() -> None:
    for name, crowd in CROWDS.items():
        for what, held in few_people(crowd(12), 15, np.random.default_rng(3)).items():
            assert not refuted(sum(held), len(held)), (name, what)


def test_twelve_people_leave_eleven_degrees_of_freedom_at_most() -> None:
    batch = CROWDS["60 decisions each, people differ"](12).log(np.random.default_rng(4))
    known = known_of(gather(batch, Plan(("snips",))), UNIT)
    assert known.people is not None
    assert known.people.freedom <= 11.0
    assert known.effective_n <= 12.0
    assert level(known, 0.05) < 0.029


def test_one_person_says_nothing(make_log) -> None:
    batch = replace(make_log(3), unit=np.full(300, 7, dtype=np.uint64))
    found = estimate("snips", gather(batch, Plan(("snips",))), UNIT)
    assert (found.lower, found.upper) == (0.0, 1.0)


@settings(max_examples=5)
@given(seed=st.integers(0, 10**6), cut=st.integers(1, 299))
def test_one_row_per_unit_is_as_no_unit_at_all(make_log, seed: int, cut: int) -> None:
    plain, plan = make_log(seed), Plan(EVERY)
    batch = replace(plain, unit=np.random.default_rng(seed).permutation(10**6)[:300].astype(np.uint64))
    one = gather(batch.rows(0, cut), plan) + gather(batch.rows(cut, 300), plan)
    two = gather(plain, plan)
    for name in EVERY:
        found, expected = estimate(name, one, UNIT), estimate(name, two, UNIT)
        assert found.method == expected.method
        for part in ("value", "lower", "upper", "effective_n"):
            assert getattr(found, part) == pytest.approx(getattr(expected, part), abs=1e-9)


@pytest.mark.parametrize("name", ["cressie_read", "empirical_likelihood", "snips", "ips"])
@pytest.mark.parametrize(("value", "rows"), [(0.751, 100), (0.7, 10), (0.3, 977), (1 / 3, 60)])
def test_where_nothing_varies_the_interval_is_the_point(name: str, value: float, rows: int) -> None:
    statistics = gather(constant(value, rows), Plan((name,)))
    for interval in (None, "cressie_read", "empirical_likelihood"):
        found = estimate(name, statistics, Bounds((0.0, 1.0)), interval)
        assert (found.value, found.lower, found.upper) == pytest.approx((value, value, value), abs=1e-9)


@pytest.mark.parametrize(("value", "end"), [(0.0, "upper"), (1.0, "lower")])
def test_no_event_yet_is_no_proof_that_there_is_none(value: float, end: str) -> None:
    found = estimate("cressie_read", gather(constant(value, 100), Plan(("ips",))), Bounds((0.0, 1.0)))
    assert abs(getattr(found, end) - value) == pytest.approx(0.0369, abs=1e-3)


@settings(max_examples=10)
@given(seed=st.integers(0, 10**6), rate=st.floats(0.0, 1.0))
def test_values_and_bounds_stay_inside_the_range(make_log, seed: int, rate: float) -> None:
    batch = make_log(seed, 60)
    rng = np.random.default_rng(seed)
    batch = replace(batch, reward=(rng.random(60) < rate) * 1.0)
    other = batch.seen_from(np.full_like(batch.target, 0.25))
    sides, joint = (gather(batch, Plan(EVERY)), gather(other, Plan(EVERY))), gather_joint(batch, other, Plan(EVERY))
    for name in EVERY:
        found, apart = estimate(name, sides[0], UNIT), difference(name, joint, sides, UNIT)
        if found.value is not None:
            assert 0.0 <= found.lower <= found.value <= found.upper <= 1.0
            assert -1.0 <= apart.lower <= apart.value <= apart.upper <= 1.0


def test_value_and_difference_of_unbounded_rewards_are_bounded_by_the_same_rule(make_log) -> None:
    for rows in (300, 3000, 30_000):
        batch = make_log(5, rows)
        other = batch.seen_from(np.full_like(batch.target, 0.25))
        plan = Plan(("snips",))
        sides = gather(batch, plan), gather(other, plan)
        known = [estimate("snips", side).lower is not None for side in sides]
        found = difference("snips", gather_joint(batch, other, plan), sides)
        assert (found.lower is not None) == all(known)


@pytest.mark.parametrize("share", [0.005, 0.3])
def test_what_was_never_tried_is_no_difference(share: float) -> None:
    for name, held in gap(share, 1500, 20, np.random.default_rng(6)).items():
        assert not refuted(sum(held), len(held)), name


def test_amounts_without_a_limit_are_bounded_where_their_tail_was_seen_and_withheld_where_not() -> None:
    rng = np.random.default_rng(8)
    even, heavy = amounts(0.3, 8000, 40, rng), amounts(2.0, 8000, 40, rng)
    for name in ("snips", "snips, difference"):
        assert all(even[f"{name}: shown"]) and not any(heavy[f"{name}: shown"])
        assert not refuted(sum(even[f"{name} + the rule"]), 40)


def test_one_huge_amount_takes_the_bounds_of_value_and_difference_and_leaves_the_numbers(make_log) -> None:
    batch = make_log(11, 4000)
    spoiled = replace(batch, reward=np.where(np.arange(4000) == 7, 500.0, batch.reward))
    plan = Plan(EVERY)
    for one, shown in ((batch, True), (spoiled, False)):
        other = one.seen_from(one.logged)
        sides, joint = (gather(one, plan), gather(other, plan)), gather_joint(one, other, plan)
        for name in ("ips", "snips", "dr", "sndr"):
            value, apart = estimate(name, sides[0]), difference(name, joint, sides)
            assert value.value is not None and apart.value is not None
            assert (value.is_bounded, apart.is_bounded) == (shown, shown), name


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), cut=st.integers(1, 299), shift=st.floats(-3, 3), scale=st.floats(0.1, 10))
def test_skewness_is_that_of_the_mean_and_moves_with_no_unit(make_log, seed, cut, shift, scale) -> None:
    batch = make_log(seed, 300, on_policy=True)
    parts = gather(batch.rows(0, cut), PLAIN) + gather(batch.rows(cut, 300), PLAIN)
    found = known_of(parts, Bounds()).skewness
    assert found == pytest.approx(abs(scipy.stats.skew(batch.reward)) / np.sqrt(300), abs=1e-9)
    moved = replace(batch, reward=shift + scale * batch.reward)
    assert known_of(gather(moved, PLAIN), Bounds()).skewness == pytest.approx(found, rel=1e-6, abs=1e-9)


@pytest.mark.proof
def test_the_designs_at_length() -> None:
    rng = np.random.default_rng(7)
    for events in EVENTS:
        for name, held in rare(events, 4000, 400, rng).items():
            assert "the rule" not in name or not refuted(sum(held), len(held)), (events, name)
    for name, crowd in CROWDS.items():
        for people in (12, 30, 100):
            for what, held in few_people(crowd(people), 300, rng).items():
                assert not refuted(sum(held), len(held)), (name, people, what)
