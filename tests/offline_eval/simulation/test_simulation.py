"""One suite over every environment, and what a simulation says."""

import json

import numpy as np
import pytest

from bandit.rounds import PolicySpec
from offline_eval.simulation import ENVIRONMENTS
from offline_eval.simulation.play import play
from offline_eval.simulation.report import as_json, draw, markdown, table
from offline_eval.simulation.simulate import interval, simulate


@pytest.fixture(params=sorted(ENVIRONMENTS))
def name(request) -> str:
    return request.param


def test_a_world_is_a_function_of_its_seed(name):
    one, again, other = ENVIRONMENTS[name](3, 200), ENVIRONMENTS[name](3, 200), ENVIRONMENTS[name](4, 200)
    np.testing.assert_array_equal(one.rewards, again.rewards)
    assert list(one.contexts) == list(again.contexts)
    assert not np.array_equal(one.rewards, other.rewards)


def test_shapes(name):
    world = ENVIRONMENTS[name](0, 150)
    assert world.means.shape == world.rewards.shape == (150, len(world.arms))
    assert len(world.contexts) == len(world.delay) == 150
    declared = {*world.features.numeric, *world.features.categorical}
    assert all(set(context) == declared for context in world.contexts)
    assert (world.delay >= 0).all()
    assert np.isfinite(world.rewards).all()


def test_rewards_have_the_means_that_the_world_claims(name):
    world = ENVIRONMENTS[name](1, 20_000 if name != "heavy_tailed" else 200_000)
    gap = world.rewards.mean(axis=0) - world.means.mean(axis=0)
    error = world.rewards.std(axis=0) / np.sqrt(len(world.rewards))
    # Pareto rewards of shape 1.8 have no variance: their error is only a guess, so it gets more room.
    assert (np.abs(gap) <= (12 if name == "heavy_tailed" else 4.5) * error + 1e-12).all()


def test_no_arm_is_best_for_every_segment():
    world = ENVIRONMENTS["segments"](0, 2000)
    best = world.means.argmax(axis=1)
    by_segment = {context["segment"]: int(arm) for context, arm in zip(world.contexts, best, strict=True)}
    assert len(set(by_segment.values())) > 1


def test_the_truth_drifts():
    world = ENVIRONMENTS["drifting"](0, 4000)
    early, late = (
        np.corrcoef(world.means[part, 0], np.array([c["x0"] for c in world.contexts])[part])[0, 1]
        for part in (slice(0, 800), slice(3200, None))
    )
    assert abs(early - late) > 0.1


def test_regret_of_uniform_is_known_exactly():
    world = ENVIRONMENTS["digits"](0, 300)
    course = play(PolicySpec("uniform"), world, 0)
    assert course.per_round == pytest.approx(0.9)
    assert (np.diff(course.regret) >= 0).all()


def test_late_outcomes_are_learned_late():
    world = ENVIRONMENTS["delayed"](0, 1000)
    prompt = ENVIRONMENTS["stationary"](0, 1000)
    np.testing.assert_array_equal(world.means, prompt.means)
    late, early = (play(PolicySpec("linucb"), w, 0).regret[20] for w in (world, prompt))
    assert late > early


def test_learners_beat_chance_and_the_report_says_so(tmp_path):
    outcomes = simulate(["uniform", "linucb"], ["stationary", "wine"], seeds=3, rounds=600, workers=1)
    regret = {(o.policy, o.environment): o.regret for o in outcomes}
    for environment in ("stationary", "wine"):
        assert regret["linucb", environment].value < regret["uniform", environment].value
        assert regret["linucb", environment].lower < regret["linucb", environment].value
    document = as_json(outcomes, 600, 3)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert [line[0] for line in table(outcomes)] == ["policy", "uniform", "linucb"]
    assert "| linucb |" in markdown(outcomes, 600, 3)
    draw(outcomes, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_answer_however_many_processes():
    one, two = (simulate(["squarecb"], ["wine"], 2, 200, workers)[0].regret for workers in (1, 2))
    assert one == two


def test_one_seed_has_no_interval():
    assert interval([0.5]).lower is None
    assert interval([0.5, 0.7]).lower < 0.5
