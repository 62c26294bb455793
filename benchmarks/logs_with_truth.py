"""Small worlds whose logs have a known policy value: light and heavy weights, bounded rewards and revenue."""

from dataclasses import dataclass, field

import numpy as np

from offline_eval.intervals.known import Bounds
from offline_eval.ope.batch import Batch

Table = np.ndarray
UNIT = (0.0, 1.0)
SPREAD = 1.5
"""Standard deviation of the logarithm of revenue, where there is any."""


@dataclass(frozen=True)
class World:
    """X equally likely contexts × K arms.

    Attributes:
        logging, target: (X, K) pmfs.
        chance: (X, K) probability that a row earns something: 1, or log-normal revenue of mean 10.
        bounds: what the analyst knows beforehand.
    """

    name: str
    logging: Table
    target: Table
    chance: Table
    bounds: Bounds
    revenue: bool = False
    model_error: Table = field(default_factory=lambda: np.zeros(1))

    @property
    def scale(self) -> float:
        """Mean of what a row earns where it earns something."""
        return 10.0 if self.revenue else 1.0

    def value(self, policy: Table) -> float:
        """Value of a policy (X, K)."""
        return float((policy * self.chance).sum(axis=1).mean() * self.scale)

    @property
    def truth(self) -> float:
        """Value of the target."""
        return self.value(self.target)

    def sample(self, rng: np.random.Generator, rows: int, target: Table | None = None) -> Batch:
        """A log of `rows` rounds, seen from the target."""
        policy = self.target if target is None else target
        context = rng.integers(0, len(self.logging), rows)
        cell = self.logging.cumsum(axis=1)[context]
        action = np.minimum((cell < rng.random(rows)[:, None]).sum(axis=1), self.logging.shape[1] - 1)
        reward = (rng.random(rows) < self.chance[context, action]).astype(np.float64)
        if self.revenue:
            reward *= np.exp(rng.normal(np.log(self.scale) - SPREAD**2 / 2, SPREAD, rows))
        q = (self.chance * self.scale + self.model_error)[context]
        chance, category = self.logging[context, action], np.arange(self.logging.shape[1]) % 2
        known = {"logged": self.logging[context], "category": category, "mixture_propensity": chance}
        return Batch.of(action, chance, reward, policy[context], q=q, **known)


def light() -> World:
    """Weights of at most 2.5, rewards 0 or 1."""
    logging = np.array([[0.4, 0.3, 0.2, 0.1], [0.25, 0.25, 0.25, 0.25], [0.1, 0.2, 0.3, 0.4]])
    target = np.array([[0.5, 0.1, 0.2, 0.2], [0.1, 0.5, 0.3, 0.1], [0.2, 0.2, 0.2, 0.4]])
    chance = np.array([[0.1, 0.2, 0.3, 0.4], [0.2, 0.3, 0.1, 0.2], [0.3, 0.2, 0.4, 0.1]])
    return World(
        "light weights, rewards in [0, 1]", logging, target, chance, Bounds(UNIT, (0.0, 10.0)), False, -0.1 * chance
    )


def heavy(known: bool = True) -> World:
    """Weights of up to 400 with E[w²] about 90, rewards 0 or 1 and best where the log hardly looked."""
    logging = np.array([[0.6, 0.3, 0.0895, 0.01, 0.0005]] * 2)
    target = np.array([[0.1, 0.2, 0.2, 0.3, 0.2], [0.2, 0.1, 0.2, 0.3, 0.2]])
    chance = np.array([[0.1, 0.2, 0.3, 0.4, 0.6], [0.2, 0.2, 0.1, 0.5, 0.7]])
    bounds = Bounds(UNIT, (0.0, 2000.0) if known else None)
    name = "heavy weights, rewards in [0, 1]" + ("" if known else ", no weight bound known")
    return World(name, logging, target, chance, bounds, False, -0.2 * chance)


def revenue() -> World:
    """Weights as in `light`; a tenth of the rows earn log-normal revenue without a known limit."""
    base = light()
    chance = base.chance / 2.5
    return World("light weights, unbounded revenue", base.logging, base.target, chance, Bounds(), True, -chance)


def elfcb(rng: np.random.Generator, rows: int) -> tuple[Batch, float]:
    """One log of the heavy-weights experiment and its true value.

    Karampatziakis, Langford, Mineiro, *Empirical likelihood for contextual bandits*, NeurIPS 2020: weights in {0, 2,
    1000} with E[w] = 1 and E[w²] = 100; the value uniform, split at random between the rewards at weight 2 and 1,000.
    """
    rare = 98.0 / 998_000.0
    common = (1.0 - 1000.0 * rare) / 2.0
    value = rng.random()
    left = 1.0 - 2.0 * common
    low = 0.0 if left > value else (value - left) / (2.0 * common)
    high = 1.0 if 2.0 * common <= value else value / (2.0 * common)
    middle = rng.uniform(low, high)
    top = np.clip((value - 2.0 * common * middle) / (1000.0 * rare), 0.0, 1.0)
    kind = rng.choice(3, rows, p=[1.0 - common - rare, common, rare])
    reward = (rng.random(rows) < np.array([0.0, middle, top])[kind]).astype(np.float64)
    chosen = np.array([0.0, 0.002, 1.0])[kind]
    return Batch(np.zeros(rows, dtype=np.intp), np.full(rows, 0.001), reward, chosen), value


ELFCB_BOUNDS = Bounds(UNIT, (0.0, 1000.0))
