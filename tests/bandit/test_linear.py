"""The arm-by-arm elimination against the plain Gaussian computation over all weights at once."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from bandit.linear import INTERCEPT, ArmStatistics, Hyper, Posterior, fit

ARMS, SIZE, ROWS = 4, 3, 60


@pytest.fixture
def rows():
    rng = np.random.default_rng(2)
    features = np.column_stack([np.ones(ROWS), rng.normal(size=(ROWS, SIZE - 1))])
    arm = rng.integers(ARMS - 1, size=ROWS)  # the last arm is never seen
    rewards = 0.4 + features @ rng.normal(size=SIZE) * 0.3 + arm * 0.2 + rng.normal(size=ROWS) * 0.3
    psi = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 1.0], [1.0, 0.0]])
    return features, arm, rewards, psi


def statistics(features, arm, rewards):
    arms = [ArmStatistics.empty(SIZE) for _ in range(ARMS)]
    for place in range(ARMS):
        mine = arm == place
        arms[place].add(features[mine], rewards[mine])
    return arms


def dense(rows, posterior, hyper):
    """Prior covariance of all weights, the design over them, and the centred rewards."""
    features, arm, rewards, psi = rows
    ridge = np.diag([INTERCEPT, *[1.0] * (SIZE - 1)]) * posterior.variance
    prior = np.kron(psi @ psi.T * hyper.shared + np.eye(ARMS) * hyper.own, ridge)
    design = np.zeros((ROWS, ARMS * SIZE))
    for row in range(ROWS):
        design[row, arm[row] * SIZE : (arm[row] + 1) * SIZE] = features[row]
    return prior, design, rewards - rewards.mean()


def test_posterior_is_that_of_the_whole_gaussian(rows):
    hyper = Hyper(0.05, 0.02, 0.6)
    posterior = Posterior(statistics(*rows[:3]), rows[3], hyper)
    prior, design, rewards = dense(rows, posterior, hyper)
    covariance = np.linalg.inv(np.linalg.inv(prior) + design.T @ design / posterior.noise)
    mean = covariance @ design.T @ rewards / posterior.noise
    np.testing.assert_allclose(posterior.weights.ravel(), mean, atol=1e-8)
    blocks = covariance.reshape(ARMS, SIZE, ARMS, SIZE)
    for arm in range(ARMS):
        np.testing.assert_allclose(posterior.covariances[arm], blocks[arm, :, arm], atol=1e-9)
    members = [0, 2, 3]
    between = sum(blocks[a, :, b] for a in members for b in members if a != b) / 6
    np.testing.assert_allclose(posterior.shared_part(members), between, atol=1e-9)


def test_evidence_ranks_as_the_density_of_the_rewards(rows):
    def both(hyper):
        posterior = Posterior(statistics(*rows[:3]), rows[3], hyper)
        prior, design, rewards = dense(rows, posterior, hyper)
        covariance = design @ prior @ design.T + np.eye(ROWS) * posterior.noise
        return posterior.evidence(), multivariate_normal(cov=covariance).logpdf(rewards)

    pairs = [both(Hyper(*values)) for values in [(0.3, 0.1, 1.0), (0.003, 0.01, 0.4), (0.01, 0.0001, 0.1)]]
    differences = [evidence - density for evidence, density in pairs]
    np.testing.assert_allclose(differences, differences[0], atol=1e-7)


def test_fitting_finds_that_arms_are_alike(rows):
    psi = rows[3]
    rng = np.random.default_rng(3)
    features = np.column_stack([np.ones(3000), rng.normal(size=(3000, SIZE - 1))])
    arm = rng.integers(ARMS, size=3000)
    alike = features @ np.array([0.2, 0.3, -0.3]) + rng.normal(size=3000) * 0.3
    different = np.einsum("ij,ij->i", features, rng.normal(size=(ARMS, SIZE))[arm]) + rng.normal(size=3000) * 0.3
    assert fit(statistics(features, arm, alike), psi[:, :1], Hyper()).own < 1e-3
    assert fit(statistics(features, arm, different), psi[:, :1], Hyper()).own > 1e-2


def test_statistics_add_up_and_grow(rows):
    features, _, rewards, _ = rows
    whole, parts = ArmStatistics.empty(SIZE), ArmStatistics.empty(SIZE)
    whole.add(features, rewards)
    parts.add(features[:20], rewards[:20])
    parts.add(features[20:], rewards[20:])
    np.testing.assert_allclose(parts.gram, whole.gram)
    parts.grow(SIZE + 2)
    assert parts.gram.shape == (SIZE + 2, SIZE + 2)
    np.testing.assert_allclose(parts.moment, [*whole.moment, 0.0, 0.0])
    parts.discount(0.5)
    assert parts.count == ROWS / 2
