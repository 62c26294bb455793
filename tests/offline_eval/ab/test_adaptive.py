"""One suite for everything in ARM_CONTRASTS, and the scores' identity with their definition."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offline_eval.ab.adaptive import ARM_CONTRASTS, Cells, Rounds
from offline_eval.ab.adaptive.scores import PairOfArms, Stack, past_means
from offline_eval.ab.errors import SampleError
from tests.examples import few

ARMS = ("a", "b", "c")
EVERY = pytest.mark.parametrize("name", ARM_CONTRASTS)


def play(seed: int, snapshots: int = 6, size: int = 400, starve: float = 0.0) -> Rounds:
    """Rounds of an adaptive policy over two segments; sometimes arm c is not eligible."""
    rng = np.random.default_rng(seed)
    truth = np.array([[0.2, 0.3, 0.25], [0.35, 0.2, 0.25]])
    wins, draws = np.ones((2, 3)), np.full((2, 3), 4.0)
    parts = []
    for t in range(snapshots):
        segment = rng.integers(0, 2, size)
        pmf = np.exp(8 * (wins / draws)[segment])
        pmf = 0.85 * pmf / pmf.sum(axis=1, keepdims=True) + 0.05
        pmf[:, 2] = starve if starve else pmf[:, 2]
        pmf[rng.random(size) < 0.2, 2] = 0.0
        pmf /= pmf.sum(axis=1, keepdims=True)
        arm = (rng.random(size)[:, None] > pmf.cumsum(axis=1)).sum(axis=1).clip(0, 2)
        arm = np.where(pmf[np.arange(size), arm] > 0, arm, 1)
        reward = (rng.random(size) < truth[segment, arm]).astype(float)
        np.add.at(wins, (segment, arm), reward)
        np.add.at(draws, (segment, arm), 1)
        parts.append(Rounds(np.full(size, t), arm, pmf, reward, segment))
    return join(parts)


def join(parts: list[Rounds]) -> Rounds:
    names = ("snapshot", "arm", "pmf", "reward", "segment")
    return Rounds(*[np.concatenate([getattr(part, name) for part in parts]) for name in names])


def take(rounds: Rounds, rows: np.ndarray) -> Rounds:
    return Rounds(rounds.snapshot[rows], rounds.arm[rows], rounds.pmf[rows], rounds.reward[rows], rounds.segment[rows])


@EVERY
@few(10)
@given(seed=st.integers(0, 1000))
def test_any_parts_in_any_order_merge_to_the_whole(name, seed):
    rounds = play(seed % 7)
    part = np.random.default_rng(seed).integers(0, 3, len(rounds.arm))
    pieces = [Cells.of(ARMS, take(rounds, np.flatnonzero(part == k))) for k in (2, 0, 1)]
    whole = ARM_CONTRASTS[name](Cells.of(ARMS, rounds), "a", "b", 0.05)
    merged = ARM_CONTRASTS[name](pieces[0] + pieces[1] + pieces[2], "a", "b", 0.05)
    for one, other in ((whole.absolute, merged.absolute), (whole.relative, merged.relative)):
        assert one.value == pytest.approx(other.value, rel=1e-9)
        assert numbers(one) == pytest.approx(numbers(other), rel=close(name), nan_ok=True)


def close(name: str) -> float:
    """Bounds of the sequence are found numerically, from a largest weight that is known to within its rounding."""
    return 1e-6 if name == "arm_sequence" else 1e-9


def numbers(estimate) -> list[float]:
    """With NaN for what is unbounded."""
    return [np.nan if number is None else number for number in (estimate.value, estimate.lower, estimate.upper)]


def model_by_cell(rounds: Rounds) -> dict:
    cells = Cells.of(ARMS, rounds)
    return dict(zip(sorted(cells.sums), past_means(Stack.of(cells)), strict=True))


@pytest.mark.parametrize("pair", [("a", "b"), ("a", "c"), ("a", None)])
def test_scores_equal_their_definition_row_by_row(pair):
    rounds = play(3)
    cells = Cells.of(ARMS, rounds)
    models = model_by_cell(rounds)
    arms = [ARMS.index(arm) for arm in pair if arm]
    eligible = (rounds.pmf[:, arms] > 0).all(axis=1)
    gamma = np.zeros(len(rounds.arm))
    for i in np.flatnonzero(eligible):
        mask = sum(1 << int(k) for k in np.flatnonzero(rounds.pmf[i] > 0))
        key = next(
            key
            for key in models
            if (key.snapshot, key.eligible, key.segment) == (rounds.snapshot[i], mask, rounds.segment[i])
        )
        for sign, k in zip((1, -1), arms, strict=False):
            q = models[key][k]
            gamma[i] += sign * (q + (rounds.arm[i] == k) * (rounds.reward[i] - q) / rounds.pmf[i, k])
    found = PairOfArms.of(cells, *pair).difference
    for t in range(6):
        rows = eligible & (rounds.snapshot == t)
        assert found.total[t] == pytest.approx(gamma[rows].sum(), rel=1e-9)
        assert found.squares[t] == pytest.approx((gamma[rows] ** 2).sum(), rel=1e-9)
        assert found.inverse[t] == pytest.approx((1 / rounds.pmf[rows][:, arms]).sum(axis=1).mean(), rel=1e-9)
    assert found.share == pytest.approx(eligible.mean())


def test_the_model_is_of_the_past_only():
    rounds = play(4)
    later = rounds.reward.copy()
    later[rounds.snapshot >= 3] = 1 - later[rounds.snapshot >= 3]
    changed = replace(rounds, reward=later)
    before, after = model_by_cell(rounds), model_by_cell(changed)
    for key, means in before.items():
        assert key.snapshot > 3 or np.allclose(means, after[key])


@EVERY
def test_scale_equivariance(name):
    rounds = play(5)
    tenfold = replace(rounds, reward=rounds.reward * 10)
    for limits in (None, 1.0):
        one, ten = (
            ARM_CONTRASTS[name](Cells.of(ARMS, r), "a", "b", 0.05, limits and (0.0, limits * most))
            for r, most in ((replace(rounds, reward=rounds.reward * 0.7), 0.7), (tenfold, 10.0))
        )
        assert numbers(ten.absolute) == pytest.approx([x / 0.07 for x in numbers(one.absolute)], rel=close(name))
        assert numbers(ten.relative) == pytest.approx(numbers(one.relative), rel=10 * close(name), nan_ok=True)


@EVERY
def test_replicating_never_widens(name):
    cells = Cells.of(ARMS, play(6))
    once, twice = (ARM_CONTRASTS[name](c, "a", "b", 0.05).absolute for c in (cells, cells + cells))
    assert twice.upper - twice.lower <= once.upper - once.lower


@EVERY
def test_a_starved_arm_is_too_few(name):
    rounds = play(7, starve=0.02)
    contrast = ARM_CONTRASTS[name](Cells.of(ARMS, replace(rounds, reward=7 * rounds.reward)), "c", "a", 0.05)
    assert contrast.absolute.lower is None
    assert "too few" in contrast.note


@EVERY
def test_the_population_is_stated(name):
    document = ARM_CONTRASTS[name](Cells.of(ARMS, play(8)), "c", "a", 0.05).as_dict()
    assert document["eligible_share"] == pytest.approx(0.8, abs=0.03)


@EVERY
def test_one_arm_alone(name):
    contrast = ARM_CONTRASTS[name](Cells.of(ARMS, play(9)), "a", None, 0.05)
    assert contrast.relative is None
    assert 0.1 < contrast.absolute.lower < contrast.absolute.value < contrast.absolute.upper < 0.5


@EVERY
def test_nothing_seen_gives_no_bounds(name):
    empty = Rounds(np.zeros(0, int), np.zeros(0, int), np.zeros((0, 3)), np.zeros(0), np.zeros(0, int))
    assert ARM_CONTRASTS[name](Cells.of(ARMS, empty), "a", "b", 0.05).absolute.lower is None


def test_a_drawn_arm_without_probability_is_refused():
    pmf = np.array([[1.0, 0.0, 0.0]])
    with pytest.raises(SampleError):
        Cells.of(ARMS, Rounds(np.zeros(1, int), np.ones(1, int), pmf, np.ones(1), np.zeros(1, int)))


def test_fixed_equal_shares_give_the_difference_of_means():
    rng = np.random.default_rng(10)
    n = 9000
    arm, reward = rng.integers(0, 3, n), rng.random(n)
    rounds = Rounds(np.zeros(n, int), arm, np.full((n, 3), 1 / 3), reward, np.zeros(n, int))
    contrast = ARM_CONTRASTS["adaptively_weighted"](Cells.of(ARMS, rounds), "a", "b", 0.05)
    assert contrast.absolute.value == pytest.approx(3 * (reward * ((arm == 0) * 1.0 - (arm == 1))).mean())
