import numpy as np
import pytest

from bandit.policies import DEFAULT_POLICY
from bandit.rounds import PolicySpec
from benchmarks.quality import Cell, markdown, play, worst_case
from benchmarks.worlds import ARMS, WORLDS


@pytest.mark.parametrize("name", WORLDS)
def test_worlds_are_of_the_stated_difficulty(name):
    worlds = [WORLDS[name](seed, 1000) for seed in range(8)]
    assert abs(np.mean([world.means.mean() for world in worlds]) - 0.317) < 0.04
    assert abs(np.mean([world.means.max(axis=1).mean() for world in worlds]) - 0.740) < 0.04
    assert all(world.means.shape == world.rewards.shape == (1000, ARMS) for world in worlds)


@pytest.mark.parametrize("name", WORLDS)
def test_a_seed_gives_one_world(name):
    first, second, other = WORLDS[name](3, 50), WORLDS[name](3, 50), WORLDS[name](4, 50)
    assert (first.rewards == second.rewards).all()
    assert first.contexts == second.contexts
    assert (first.means != other.means).any()


def test_uniform_play_earns_the_mean_and_the_default_more():
    world = WORLDS["logistic"](0, 1500)
    assert play(world, PolicySpec("uniform"), 0) == pytest.approx(world.means.mean())
    assert play(world, PolicySpec(DEFAULT_POLICY), 0) > world.means.mean() + 0.1


def test_the_table_is_ordered_by_worst_case_regret():
    table = {
        "one": {"a": Cell(0.5, 0.0, 0.3), "b": Cell(0.6, 0.0, 0.2)},
        "two": {"a": Cell(0.7, 0.0, 0.1), "b": Cell(0.6, 0.0, 0.2)},
    }
    assert worst_case(table, "a") == 0.3
    lines = markdown(table).splitlines()
    assert lines[2].startswith("| b |")
    assert lines[3].startswith("| a |")
