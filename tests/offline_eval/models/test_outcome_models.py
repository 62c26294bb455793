"""One suite over every outcome model."""

from dataclasses import replace

import numpy as np
import pytest

from bandit.rounds import Arm
from offline_eval.logs import Categorical, LogBatch
from offline_eval.models import OUTCOME_MODELS, arm_matrix, cross_fit, fold_of
from offline_eval.models.choice import fit_choice
from offline_eval.models.crossfit import FOLDS

ARMS = (Arm("a"), Arm("b", "mail", reward_amount=5.0), Arm("c", "mail", reward_amount=10.0, attributes={"hour": 9}))
N = 3000


def chance(x: np.ndarray, web: np.ndarray) -> np.ndarray:
    return np.stack([0.2 + 0.0 * x, 0.3 + 0.25 * web, 0.4 + 0.2 * np.tanh(x)], axis=1)


def log_rows(seed: int = 0, n: int = N) -> LogBatch:
    rng = np.random.default_rng(seed)
    x, web, arm = rng.normal(size=n), rng.integers(0, 2, n), rng.integers(0, 3, n)
    reward = (rng.random(n) < chance(x, web)[np.arange(n), arm]).astype(float)
    return LogBatch(
        row=np.arange(n),
        arm=arm,
        propensity=np.full(n, 1 / 3),
        reward=reward,
        metrics={},
        numeric={"x": np.where(rng.random(n) < 0.05, np.nan, x)},
        categorical={"channel": Categorical(web.astype(np.int64), ("phone", "web"))},
        unit=rng.integers(0, 2**63, n // 2, dtype=np.uint64)[np.arange(n) // 2],
        unit_id=None,
        time=None,
        eligible=None,
        pmf=None,
        position=None,
        segments={},
    )


@pytest.fixture(scope="module")
def rows() -> LogBatch:
    return log_rows()


@pytest.fixture(scope="module", params=sorted(OUTCOME_MODELS))
def name(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def predicted(name, rows) -> np.ndarray:
    return cross_fit(name, OUTCOME_MODELS[name], rows, ARMS).predict(rows)


def test_no_row_is_predicted_from_itself_or_its_unit(name, predicted, rows):
    """Turning over the rewards of one fold changes what others are told, never what the fold itself is told."""
    own = fold_of(rows.unit, FOLDS) == 0
    turned = replace(rows, reward=np.where(own, 1.0 - rows.reward, rows.reward))
    other = cross_fit(name, OUTCOME_MODELS[name], turned, ARMS).predict(rows)
    np.testing.assert_array_equal(predicted[own], other[own])
    assert not np.array_equal(predicted[~own], other[~own])


def test_units_are_never_divided(rows):
    fold = fold_of(rows.unit, FOLDS)
    np.testing.assert_array_equal(fold[0::2], fold[1::2])
    assert np.bincount(fold).min() > 0.15 * N


def test_divisions_with_different_salts_are_unrelated(rows):
    table = np.histogram2d(fold_of(rows.unit, 2, 0), fold_of(rows.unit, 2, 11), bins=2)[0]
    assert table.min() > 0.2 * N


def test_it_learns_what_there_is_to_learn(name, predicted, rows):
    expected = chance(np.nan_to_num(rows.numeric["x"]), rows.categorical["channel"].codes)
    error = np.sqrt(((predicted - expected) ** 2).mean())
    assert predicted.shape == (N, 3)
    assert error < (0.13 if name == "means" else 0.08)
    np.testing.assert_allclose(predicted.mean(axis=0), expected.mean(axis=0), atol=0.05)


def test_predictions_stay_in_the_range_of_rewards(predicted):
    assert predicted.min() >= 0.0
    assert predicted.max() <= 1.0


def test_an_arm_without_rows_is_predicted_from_arms_like_it(rows):
    seen = rows.take(rows.arm != 2)
    predicted = cross_fit("linear", OUTCOME_MODELS["linear"], seen, ARMS).predict(seen)
    assert predicted[:, 2].mean() > predicted[:, 0].mean() + 0.1


def test_arms_that_do_not_differ_have_no_features():
    assert arm_matrix((Arm("a"), Arm("b"))).shape == (2, 0)


def test_fitted_propensities_are_a_pmf_over_the_eligible(rows):
    eligible = np.ones((N, 3), dtype=bool)
    eligible[::3, 0] = rows.arm[::3] == 0
    pmf = fit_choice(rows, ARMS)(replace(rows, eligible=eligible))
    np.testing.assert_allclose(pmf.sum(axis=1), 1.0)
    assert (pmf[~eligible] == 0).all()
    np.testing.assert_allclose(fit_choice(rows, ARMS)(rows).mean(axis=0), 1 / 3, atol=0.03)
