"""Bayesian linear regression over arms that share what they have in common.

Reward r = φ(x)·w_a + ε, φ(x) = (1, x), ε ~ N(0, σ²). The arms' weights are a sum over what describes them:

    w_a = Σ_j ψ_aj u_j + δ_a,    u_j ~ N(0, v ρ_u Λ),    δ_a ~ N(0, v ρ_δ Λ)

with ψ_a0 = 1 (common to all arms), further ψ for event types, kinds and amounts shared by several arms, and δ_a the
arm's own. v is the variance of the rewards, Λ = diag(INTERCEPT, 1, …, 1) (features are standardised). The sufficient
statistics are those of one ridge regression per arm; the prior only couples them when the posterior is computed, so it
may be refitted at will, and a new arm starts from what its likes have taught. ρ_u, ρ_δ maximise the marginal
likelihood (empirical Bayes, MacKay 1992), σ² is the residual variance.

The hierarchy is that of Bonilla, Chai & Williams 2007 (multi-task Gaussian processes) with a linear kernel; for its use
in bandits see Krause & Ong 2011 (CGP-UCB). Eliminating δ_a arm by arm leaves one system of size (features of arms) ×
(features of contexts), so that cost grows linearly with the number of arms.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

Floats = NDArray[np.float64]

INTERCEPT = 10.0
"""Arms differ in their base rate more than in one coefficient."""

SHARED_GRID = (0.3, 0.03, 0.003, 0.0003)
OWN_GRID = (0.1, 0.03, 0.01, 0.003, 0.001, 0.0001)


@dataclass(slots=True)
class ArmStatistics:
    """Σφφᵀ (d, d), Σφr (d,), Σr² and the count of one arm's rounds (discounted where the model forgets)."""

    gram: Floats
    moment: Floats
    squares: float = 0.0
    count: float = 0.0

    @classmethod
    def empty(cls, size: int) -> "ArmStatistics":
        """Nothing seen yet."""
        return cls(np.zeros((size, size)), np.zeros(size))

    def add(self, features: Floats, rewards: Floats) -> None:
        """Take in rows: (n, d) and (n,)."""
        self.gram += features.T @ features
        self.moment += features.T @ rewards
        self.squares += float(rewards @ rewards)
        self.count += len(rewards)

    def discount(self, factor: float) -> None:
        """Forget a share of everything."""
        self.gram *= factor
        self.moment *= factor
        self.squares *= factor
        self.count *= factor

    def grow(self, size: int) -> None:
        """Make room for features first seen now; earlier rows had none of them."""
        missing = size - len(self.moment)
        if missing > 0:
            self.gram = np.pad(self.gram, (0, missing))
            self.moment = np.pad(self.moment, (0, missing))


@dataclass(slots=True)
class Hyper:
    """Prior variances of shared and own weights relative to the rewards' variance, and the residual share of it."""

    shared: float = 0.03
    own: float = 0.01
    noise: float = 1.0
    fitted_at: float = field(default=0.0)


class Posterior:
    """The posterior for given statistics, arms' descriptions and hyperparameters.

    Args:
        arms: statistics of the K arms.
        psi: shape (K, m), the arms' shared descriptions; column 0 is 1.
    """

    def __init__(self, arms: list[ArmStatistics], psi: Floats, hyper: Hyper) -> None:
        self.size = len(arms[0].moment)
        self.psi = psi
        grams, self.center, self.variance = _pooled(arms)
        self.noise = max(self.variance * hyper.noise, 1e-12)
        moments = np.stack([arm.moment for arm in arms]) - self.center * grams[:, :, 0]
        ridge = np.ones(self.size)
        ridge[0] /= INTERCEPT
        self.own = ridge / (self.variance * hyper.own)
        self._eliminate(grams / self.noise, moments / self.noise, ridge / (self.variance * hyper.shared))
        self._grams, self._moments = grams, moments
        self._squares = sum(arm.squares - 2 * self.center * arm.moment[0] for arm in arms)
        self._squares += self.center**2 * float(grams[:, 0, 0].sum())
        self.count = float(grams[:, 0, 0].sum())

    def _eliminate(self, precisions: Floats, linear: Floats, prior: Floats) -> None:
        size, width = self.size, self.psi.shape[1]
        full = precisions.copy()
        full[:, range(size), range(size)] += self.own
        self.inverse = np.linalg.inv(full)
        pulled = self.own[:, None] * self.inverse
        information = -pulled * self.own
        information[:, range(size), range(size)] += self.own
        self._linear, self._full = linear, full
        toward = np.einsum("kij,kj->ki", pulled, linear)
        pairs = (self.psi[:, :, None] * self.psi[:, None, :]).reshape(-1, width * width)
        blocks = (pairs.T @ information.reshape(-1, size * size)).reshape(width, width, size, size)
        system = blocks.transpose(0, 2, 1, 3).reshape(width * size, width * size)
        self._prior = np.tile(prior, width)
        system[np.diag_indices_from(system)] += self._prior
        self._target = np.einsum("ka,ki->ai", self.psi, toward).ravel()
        self._factor = cho_factor(system, lower=True)
        self.shared_mean = cho_solve(self._factor, self._target)

    @cached_property
    def shared_covariance(self) -> Floats:
        """Posterior covariance of all u_j, shape (m d, m d)."""
        covariance: Floats = cho_solve(self._factor, np.eye(len(self._target)))
        return covariance

    def evidence(self) -> float:
        """Log marginal likelihood of the rewards up to a constant."""
        quadratic = np.einsum("ki,kij,kj->", self._linear, self.inverse, self._linear)
        own = quadratic + len(self._full) * np.log(self.own).sum() - np.linalg.slogdet(self._full)[1].sum()
        shared = (
            self._target @ self.shared_mean + np.log(self._prior).sum() - 2.0 * np.log(np.diag(self._factor[0])).sum()
        )
        return float(own + shared - self._squares / self.noise - self.count * np.log(self.noise)) / 2.0

    @cached_property
    def weights(self) -> Floats:
        """Posterior means of w_a, shape (K, d)."""
        prior_means = np.einsum("ka,ai->ki", self.psi, self.shared_mean.reshape(-1, self.size))
        weights: Floats = np.einsum("kij,kj->ki", self.inverse, self._linear + self.own * prior_means)
        return weights

    def residual_share(self) -> float:
        """Residual variance over total variance, shrunk towards 1 by ten rows."""
        weights = self.weights
        fitted = np.einsum("ki,kij,kj->", weights, self._grams, weights) - 2.0 * np.sum(weights * self._moments)
        residual = max(self._squares + float(fitted), 0.0) / self.variance
        return float(np.clip((residual + 10.0) / (self.count + 10.0), 0.02, 1.0))

    @cached_property
    def covariances(self) -> Floats:
        """Posterior covariances of each w_a, shape (K, d, d)."""
        blocks = self.shared_covariance.reshape(-1, self.size, self.psi.shape[1], self.size)
        between = np.einsum("ka,aibj,kb->kij", self.psi, blocks, self.psi, optimize=True)
        pulled = self.inverse * self.own
        covariances: Floats = self.inverse + pulled @ between @ pulled.transpose(0, 2, 1)
        return covariances

    def shared_part(self, members: list[int]) -> Floats:
        """Σ_{a≠b} Cov(w_a, w_b) / (K (K - 1)) over `members`, shape (d, d): what all of them are unsure of alike."""
        pulled = self.inverse[members] * self.own
        psi = self.psi[members]
        spread = np.einsum("ka,kij->iaj", psi, pulled).reshape(self.size, -1)
        total: Floats = spread @ self.shared_covariance @ spread.T
        blocks = self.shared_covariance.reshape(-1, self.size, self.psi.shape[1], self.size)
        between = np.einsum("ka,aibj,kb->kij", psi, blocks, psi, optimize=True)
        total -= (pulled @ between @ pulled.transpose(0, 2, 1)).sum(axis=0)
        total /= max(len(members) * (len(members) - 1), 1)
        return total


def _pooled(arms: list[ArmStatistics]) -> tuple[Floats, float, float]:
    grams = np.stack([arm.gram for arm in arms])
    count = float(grams[:, 0, 0].sum())
    center = sum(float(arm.moment[0]) for arm in arms) / max(count, 1e-9)
    variance = sum(arm.squares for arm in arms) / max(count, 1e-9) - center**2
    # A handful of equal rewards says little about the spread: half a pseudo-row at distance one half.
    scale = max(abs(center), 1e-6)
    return grams, center, (max(variance, 0.0) * count + 0.5 * scale**2) / (count + 1.0)


def fit(arms: list[ArmStatistics], psi: Floats, hyper: Hyper) -> Hyper:
    """Hyperparameters of the greatest evidence on the grid, near the old ones' noise."""
    best, score = hyper, -np.inf
    for shared in SHARED_GRID:
        for own in OWN_GRID:
            candidate = Hyper(shared, own, hyper.noise)
            evidence = Posterior(arms, psi, candidate).evidence()
            if evidence > score:
                best, score = candidate, evidence
    return best
