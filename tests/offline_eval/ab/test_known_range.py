"""Bounds that rest on a metric's range: their parts against brute force, and how often they are wrong."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.readout_arms import World, measured
from benchmarks.readout_tally import Rate
from offline_eval.ab.adaptive import ARM_CONTRASTS, Cells, Rounds, Stack
from offline_eval.ab.adaptive.cells import STEEPNESS
from offline_eval.ab.adaptive.skewness import shrunk, stretched
from offline_eval.ab.adaptive.steepness import CEILING, largest, powered

TWELVE = tuple(f"arm-{k}" for k in range(12))
FLOOR = 0.05 / 12


@given(seed=st.integers(0, 10_000), n=st.integers(1, 2000))
def test_the_largest_weight_is_bounded_closely(seed, n):
    rng = np.random.default_rng(seed)
    inverse = 1 / rng.uniform(0.004, 1.0, n) if seed % 2 else rng.choice([1.05, 240.0], n, p=[0.9, 0.1])
    bound = float(largest(np.array(float(n)), inverse.sum(), powered(inverse).sum()))
    assert inverse.max() * (1 - 1e-9) <= bound <= inverse.max() * n ** (1 / 64) * (1 + 1e-9)


def test_weights_beyond_the_ceiling_are_unknown():
    found = largest(np.array([2.0, 2.0]), np.array([CEILING + 1, 3.0]), powered(np.array([CEILING, 2.0])))
    assert np.isinf(found[0])
    assert found[1] >= 2.0


@given(z=st.floats(0.0, 10.0), skew=st.floats(0.0, 0.5))
def test_p_values_and_bounds_agree(z, skew):
    assert shrunk(stretched(z, skew), skew) == pytest.approx(z, abs=1e-6)


def starving(rng: np.random.Generator, rate: float = 0.05, size: int = 10_000) -> Rounds:
    """One favoured arm among twelve; the others are explored in 5 % of all rounds together."""
    pmf = np.full((size, 12), FLOOR)
    pmf[:, 0] += 1 - 12 * FLOOR
    arm = (rng.random(size)[:, None] > pmf.cumsum(axis=1)).sum(axis=1).clip(0, 11)
    reward = (rng.random(size) < rate).astype(float)
    return Rounds(np.arange(size) // 500, arm, pmf, reward, np.zeros(size, dtype=int))


def test_a_starved_arm_has_bounds_that_hold():
    wrong = Rate()
    for seed in range(30):
        found = ARM_CONTRASTS["arm_sequence"](Cells.of(TWELVE, starving(np.random.default_rng(seed))), "arm-3", "arm-0")
        assert found.absolute.lower is not None
        assert found.absolute.upper < 0.5
        wrong.add(not found.absolute.lower <= 0 <= found.absolute.upper)
    assert wrong.at_most(0.05) == "yes"


def test_a_difference_is_found_and_its_p_value_says_so():
    rng = np.random.default_rng(3)
    rounds = starving(rng)
    pmf = np.full((10_000, 12), 1 / 12)
    arm = rng.integers(0, 12, 10_000)
    reward = (rng.random(10_000) < np.where(arm == 3, 0.3, 0.1)).astype(float)
    found = ARM_CONTRASTS["arm_sequence"](
        Cells.of(TWELVE, replace(rounds, pmf=pmf, arm=arm, reward=reward)), "arm-3", "arm-0"
    )
    assert found.absolute.lower > 0
    assert found.p_value < 0.05
    assert found.relative.lower > 0


@pytest.mark.parametrize("name", ["arm_sequence", "adaptively_weighted"])
def test_uneven_money_asks_for_a_cap_and_a_cap_gives_bounds(name):
    rng = np.random.default_rng(4)
    spent = np.exp(2.5 * rng.standard_normal(10_000)) * (rng.random(10_000) < 0.5)
    rounds = replace(starving(rng), pmf=np.full((10_000, 12), 1 / 12), arm=rng.integers(0, 12, 10_000))
    open_ended = ARM_CONTRASTS[name](Cells.of(TWELVE, replace(rounds, reward=spent)), "arm-3", "arm-0")
    assert open_ended.absolute.lower is None
    assert "state a limit" in open_ended.note
    cells = Cells.of(TWELVE, replace(rounds, reward=np.minimum(spent, 50.0)))
    capped = ARM_CONTRASTS[name](cells, "arm-3", "arm-0", 0.05, (0.0, 50.0)).absolute
    assert -50 <= capped.lower < capped.value < capped.upper <= 50


@pytest.mark.parametrize("name", ["arm_sequence", "adaptively_weighted"])
def test_cells_that_do_not_know_their_weights_do_not_count(name):
    cells = Cells.of(TWELVE, starving(np.random.default_rng(5)))
    for sums in cells.sums.values():
        sums[:, STEEPNESS] = 1e300
    found = ARM_CONTRASTS[name](Stack.of(cells), "arm-3", "arm-0")
    assert found.absolute.lower is None
    assert found.note


def test_an_empty_range_is_refused():
    with pytest.raises(ValueError, match="below"):
        ARM_CONTRASTS["arm_sequence"](
            Cells.of(TWELVE, starving(np.random.default_rng(6))), "arm-3", None, 0.05, (1.0, 1.0)
        )


SMALL = (World("0/1", size=200), World("log-normal", 2.5, cap=0.99, size=200), World("Pareto", 1.5, size=200))


@pytest.mark.parametrize("world", SMALL, ids=lambda world: world.name)
def test_no_claim_fails_at_a_glance(world):
    assert all("**no**" not in tally.told() for tally in measured(world, 1).values())


@pytest.mark.proof
@pytest.mark.parametrize("world", [replace(world, size=1000) for world in SMALL], ids=lambda world: world.name)
def test_no_claim_fails(world):
    assert all("**no**" not in tally.told() for tally in measured(world, 60).values())
