"""Differences of two policies on one log: paired, tighter than apart, fair about support and heavy weights."""

from dataclasses import replace

import numpy as np
import pytest

from offline_eval.intervals.known import Bounds
from offline_eval.ope import ESTIMATORS
from offline_eval.ope.difference import difference, gather_joint
from offline_eval.ope.errors import BatchError, NoSupportError
from offline_eval.ope.evaluate import estimate
from offline_eval.ope.gather import Plan, gather

EVERY = tuple(ESTIMATORS)
UNIT = Bounds((0.0, 1.0), (0.0, 40.0))
PLAN = Plan(EVERY)


def pair(make_log, seed: int, rows: int = 3000, share: float = 0.1):
    """A policy, and one that differs from it by a small share."""
    first = make_log(seed, rows)
    return first, first.seen_from((1 - share) * first.target + share / first.target.shape[1])


@pytest.mark.parametrize("name", EVERY)
def test_value_is_the_difference_of_values(make_log, name: str) -> None:
    first, second = pair(make_log, 1)
    sides = gather(first, PLAN), gather(second, PLAN)
    found = difference(name, gather_joint(first, second, PLAN), sides, UNIT)
    apart = estimate(name, sides[0], UNIT), estimate(name, sides[1], UNIT)
    expected = apart[0].value - apart[1].value
    assert found.value == pytest.approx(expected, abs=1e-9 if ESTIMATORS[name].point is None else 2e-3)
    assert found.lower <= found.value <= found.upper


@pytest.mark.parametrize("name", [name for name in EVERY if name != "replay"])
def test_paired_is_tighter_than_apart(make_log, name: str) -> None:
    first, second = pair(make_log, 2)
    sides = gather(first, PLAN), gather(second, PLAN)
    found = difference(name, gather_joint(first, second, PLAN), sides, UNIT, "normal")
    widths = [estimate(name, side, UNIT, "normal") for side in sides]
    apart = np.hypot(*(one.upper - one.lower for one in widths))
    assert found.upper - found.lower < apart


@pytest.mark.parametrize("name", EVERY)
def test_a_policy_does_not_differ_from_itself(make_log, name: str) -> None:
    batch = make_log(3, 2000)
    side = gather(batch, PLAN)
    found = difference(name, gather_joint(batch, batch, PLAN), (side, side), UNIT, "normal")
    assert (found.value, found.lower, found.upper) == pytest.approx((0.0, 0.0, 0.0), abs=1e-7)


@pytest.mark.parametrize("name", EVERY)
def test_swapping_the_policies_mirrors_the_interval(make_log, name: str) -> None:
    first, second = pair(make_log, 4)
    one, two = gather(first, PLAN), gather(second, PLAN)
    there = difference(name, gather_joint(first, second, PLAN), (one, two), UNIT)
    back = difference(name, gather_joint(second, first, PLAN), (two, one), UNIT)
    assert (back.value, back.lower, back.upper) == pytest.approx((-there.value, -there.upper, -there.lower), abs=1e-9)


def test_parts_merge(make_log) -> None:
    first, second = pair(make_log, 5)
    whole = gather_joint(first, second, PLAN)
    parts = [gather_joint(first.rows(*cut), second.rows(*cut), PLAN) for cut in ((0, 700), (700, 3000))]
    sides = gather(first, PLAN), gather(second, PLAN)
    for name in EVERY:
        merged, once = (difference(name, joint, sides, UNIT) for joint in (parts[0] + parts[1], whole))
        assert (merged.lower, merged.upper) == pytest.approx((once.lower, once.upper), abs=1e-9)


def test_heavy_weights_fall_back_to_separate_intervals(make_log) -> None:
    batch = make_log(6, 2000)
    heavy = replace(batch, propensity=np.where(np.arange(2000) == 5, 1e-3, batch.propensity))
    other = heavy.seen_from(np.full(heavy.target.shape, 0.25))
    sides = gather(heavy, PLAN), gather(other, PLAN)
    joint = gather_joint(heavy, other, PLAN)
    assert difference("snips", joint, sides, UNIT).method == "snips-difference+empirical_likelihood"
    unbounded = difference("snips", joint, sides)
    assert (unbounded.method, unbounded.lower, unbounded.upper) == ("snips-difference+trivial", None, None)


def test_no_support_and_unequal_logs_are_errors(make_log) -> None:
    batch = make_log(7, 400)
    nowhere = batch.seen_from(np.eye(4)[(batch.action + 1) % 4])
    sides = gather(batch, PLAN), gather(nowhere, PLAN)
    with pytest.raises(NoSupportError):
        difference("snips", gather_joint(batch, nowhere, PLAN), sides, UNIT)
    with pytest.raises(BatchError):
        gather_joint(batch, batch.rows(0, 10), PLAN)
    with pytest.raises(ValueError, match="not valid for differences"):
        difference("snips", gather_joint(batch, batch, PLAN), (sides[0], sides[0]), UNIT, "merged_cs")
