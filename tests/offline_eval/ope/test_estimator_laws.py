"""The laws that every estimator in the dict obeys (law 9)."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offline_eval.estimate import Estimate
from offline_eval.intervals.known import Bounds
from offline_eval.ope import ESTIMATORS
from offline_eval.ope.batch import Batch
from offline_eval.ope.errors import BatchError, MissingColumnError, NoSupportError
from offline_eval.ope.evaluate import estimate, table
from offline_eval.ope.gather import Plan, gather
from tests.examples import few

EVERY = tuple(ESTIMATORS)
UNIT = Bounds((0.0, 1.0), (0.0, 40.0))
seeds = st.integers(0, 10**6)


def evaluated(batch: Batch, bounds: Bounds = UNIT) -> dict[str, Estimate]:
    return table(gather(batch, Plan(EVERY)), EVERY, bounds)


def same(found: Estimate, expected: Estimate, tolerance: float = 1e-9) -> None:
    for one, two in zip(found.as_dict().values(), expected.as_dict().values(), strict=True):
        assert one == (pytest.approx(two, abs=tolerance, rel=tolerance) if isinstance(two, float) else two)


@pytest.mark.parametrize("repeats", [1, 5])
@few(8)
@given(seed=seeds, cuts=st.sets(st.integers(1, 299), max_size=3))
def test_merging_parts_equals_adding_all_at_once(make_log, repeats: int, seed: int, cuts: set[int]) -> None:
    batch, plan = make_log(seed, repeats=repeats), Plan(EVERY)
    edges = [0, *sorted(cuts), len(batch)]
    parts = [gather(batch.rows(low, high), plan) for low, high in pairwise(edges)]
    merged = sum(parts[1:], start=parts[0])
    for name, whole in evaluated(batch).items():
        same(estimate(name, merged, UNIT), whole)


@pytest.mark.parametrize("name", [name for name in EVERY if name != "dm"])
@few(8)
@given(seed=seeds)
def test_on_policy_with_an_empty_model_is_the_mean(make_log, name: str, seed: int) -> None:
    batch = make_log(seed, on_policy=True)
    assert evaluated(batch)[name].value == pytest.approx(batch.reward.mean(), abs=1e-9)


@pytest.mark.parametrize("name", [name for name in EVERY if ESTIMATORS[name].scales])
@few(8)
@given(seed=seeds, factor=st.floats(0.1, 50.0))
def test_scale_equivariance(make_log, name: str, seed: int, factor: float) -> None:
    batch = make_log(seed)
    scaled = replace(batch, reward=factor * batch.reward, q=factor * batch.q)
    before, after = evaluated(batch)[name], evaluated(scaled, Bounds((0.0, factor), UNIT.weight))[name]
    for one, two in zip(
        (after.value, after.lower, after.upper), (before.value, before.lower, before.upper), strict=True
    ):
        assert one == pytest.approx(factor * two, rel=1e-6, abs=1e-7 * factor)


@pytest.mark.parametrize("name", [name for name in EVERY if ESTIMATORS[name].shifts])
@few(8)
@given(seed=seeds, shift=st.floats(-5.0, 5.0))
def test_shift_equivariance(make_log, name: str, seed: int, shift: float) -> None:
    batch = make_log(seed)
    shifted = replace(batch, reward=batch.reward + shift, q=batch.q + shift)
    after = evaluated(shifted, Bounds((shift, 1.0 + shift), UNIT.weight))[name]
    assert after.value == pytest.approx(evaluated(batch)[name].value + shift, abs=1e-8)


@few(8)
@given(seed=seeds)
def test_replicating_the_sample_never_widens(make_log, seed: int) -> None:
    batch, plan = make_log(seed), Plan(EVERY)
    once = gather(batch, plan)
    twice = once + gather(replace(batch, first_row=len(batch)), plan)
    # Which rows a replay accepts is drawn by their place: with other places, another sample is replicated.
    drawn_alike = once + gather(batch, plan)
    for name in EVERY:
        again = drawn_alike if name == "replay" else twice
        before, after = estimate(name, once, UNIT), estimate(name, again, UNIT)
        assert after.upper - after.lower <= (before.upper - before.lower) * (1 + 1e-9), name


@pytest.mark.parametrize("name", EVERY)
def test_a_target_without_support_is_an_error_or_a_stated_fallback(make_log, name: str) -> None:
    batch = make_log(3, arms=4)
    elsewhere = np.zeros((len(batch), 4))
    elsewhere[np.arange(len(batch)), (batch.action + 1) % 4] = 1.0
    unsupported = batch.seen_from(elsewhere)
    if name == "dm":
        expected = batch.q[np.arange(len(batch)), (batch.action + 1) % 4].mean()
        assert evaluated(unsupported)[name].value == pytest.approx(expected)
        return
    with pytest.raises(NoSupportError):
        estimate(name, gather(unsupported, Plan(EVERY)), UNIT)
    assert evaluated(unsupported)[name].value is None


def test_mips_falls_back_to_the_category(make_log) -> None:
    batch = make_log(3, arms=4)
    sibling = np.zeros((len(batch), 4))
    sibling[np.arange(len(batch)), (batch.action + 2) % 4] = 1.0
    found = evaluated(batch.seen_from(sibling))
    assert found["mips"].value is not None
    assert found["ips"].value is None


@pytest.mark.parametrize("name", EVERY)
def test_missing_columns_are_named(make_log, name: str) -> None:
    batch = make_log(1)
    bare = Batch(batch.action, batch.propensity, batch.reward, batch.target_chosen)
    if not ESTIMATORS[name].basis.needs:
        assert gather(bare, Plan((name,))).weights.n == len(batch)
        return
    with pytest.raises(MissingColumnError) as caught:
        gather(bare, Plan((name,)))
    assert caught.value.column in ESTIMATORS[name].basis.needs


@pytest.mark.parametrize("name", EVERY)
def test_every_estimator_is_known_by_its_own_name_and_gives_its_parameter(make_log, name: str) -> None:
    batch = make_log(5)
    statistics = gather(batch, Plan((name,)))
    functional = ESTIMATORS[name].functional(statistics.moments[ESTIMATORS[name].basis.name])
    assert ESTIMATORS[name].name == name
    tuned = name in {"switch_dr", "dros", "clipped_ips", "sg_ips", "sg_dr", "replay"}
    assert (functional.parameter is not None) == tuned


@pytest.mark.parametrize("name", EVERY)
def test_single_precision_columns_are_read(make_log, name: str) -> None:
    batch = make_log(8)
    wide = evaluated(batch)[name].value
    columns = ("propensity", "reward", "target", "target_chosen", "q", "logged", "mixture_propensity")
    narrow = replace(batch, **{column: getattr(batch, column).astype(np.float32) for column in columns})
    assert evaluated(narrow)[name].value == pytest.approx(wide, abs=1e-4)


@pytest.mark.parametrize(
    ("column", "value", "fault"),
    [("propensity", 0.0, "propensity"), ("propensity", 1.5, "propensity"), ("reward", np.nan, "reward")],
)
def test_check_names_the_row(make_log, column: str, value: float, fault: str) -> None:
    batch = make_log(2)
    broken = getattr(batch, column).copy()
    broken[17] = value
    with pytest.raises(BatchError, match=f"row 17: {fault}"):
        replace(batch, **{column: broken}).check()
    assert batch.check() is batch


def test_check_refuses_columns_of_another_length(make_log) -> None:
    batch = make_log(2)
    with pytest.raises(BatchError, match="'reward' has 10 rows"):
        replace(batch, reward=batch.reward[:10]).check()


def test_rejection_by_weight_is_unbiased_where_plain_matching_is_not() -> None:
    rng = np.random.default_rng(11)
    context = rng.integers(0, 2, 200_000)
    logged = np.array([[0.8, 0.2], [0.3, 0.7]])[context]
    action = (rng.random(len(context)) > logged[:, 0]).astype(np.intp)
    reward = np.array([[1.0, 0.0], [0.0, 0.5]])[context, action]
    target = np.array([[1.0, 0.0], [0.0, 1.0]])[context]
    batch = Batch.of(action, logged[np.arange(len(context)), action], reward, target)
    found = estimate("replay", gather(batch, Plan(("replay",))))
    assert found.lower <= 0.75 <= found.upper
    matched = reward[action == target.argmax(axis=1)].mean()
    assert abs(matched - 0.75) > 5 * (found.upper - found.lower) / 4
