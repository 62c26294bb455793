"""Running moments that live inside a snapshot, so that a pmf depends on nothing but the snapshot and its arguments."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

VOCABULARY_LIMIT = 4096
"""Names whose moments are kept; later ones stay unscaled and count as zero."""

WINSOR = 20.0
"""Values further than this many standard deviations off are pulled in: one absurd value must not flatten a feature."""

WARM = 30


@dataclass(slots=True)
class Moments:
    """Count, mean and sum of squared deviations of one stream (Welford 1962)."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        """Take in one finite value, winsorised once the spread is known."""
        if self.count >= WARM and self.squares > 0.0:
            reach = WINSOR * self.deviation
            value = min(max(value, self.mean - reach), self.mean + reach)
        self.count += 1
        delta = value - self.mean
        self.mean += delta / self.count
        self.squares += delta * (value - self.mean)

    def add_all(self, values: NDArray[np.float64]) -> None:
        """Take in (n,) finite values at once, winsorised by the spread known before (merged as in Chan et al. 1983)."""
        first = 0
        while first < len(values) and (self.count < WARM or self.squares == 0.0):
            self.add(float(values[first]))
            first += 1
        rest = values[first:]
        if not len(rest):
            return
        reach = WINSOR * self.deviation
        pulled = np.clip(rest, self.mean - reach, self.mean + reach)
        count, mean = len(pulled), float(pulled.mean())
        gap, both = mean - self.mean, self.count + count
        self.squares += float(np.square(pulled - mean).sum()) + gap * gap * self.count * count / both
        self.mean += gap * count / both
        self.count = both

    @property
    def deviation(self) -> float:
        """Standard deviation; 0 where fewer than two values were seen."""
        return math.sqrt(self.squares / self.count) if self.count > 1 else 0.0


class Scaler:
    """Mean and spread of each numeric context feature, learned from rounds.

    A feature that never varied or was never learned scales to exactly zero.
    """

    def __init__(self) -> None:
        self.moments: dict[str, Moments] = {}

    def add(self, pairs: Iterable[tuple[str, float]]) -> None:
        """Take in the numeric features of one context."""
        for name, value in pairs:
            known = self.moments.get(name)
            if known is None:
                if len(self.moments) >= VOCABULARY_LIMIT:
                    continue
                known = self.moments[name] = Moments()
            known.add(value)

    def add_columns(self, names: Sequence[str], values: NDArray[np.float64]) -> None:
        """Take in (n, F) values of F numeric features, column by column."""
        for name, column in zip(names, values.T, strict=True):
            if name in self.moments or len(self.moments) < VOCABULARY_LIMIT:
                self.moments.setdefault(name, Moments()).add_all(column)

    def shift_and_scale(self, name: str) -> tuple[float, float]:
        """(mean, 1 / standard deviation), or (0, 0) where the spread is unknown."""
        known = self.moments.get(name)
        if known is None or known.deviation <= 1e-12 * (1.0 + abs(known.mean)):
            return 0.0, 0.0
        return known.mean, 1.0 / known.deviation

    def state(self) -> dict[str, list[float]]:
        """JSON-able; floats survive JSON exactly."""
        return {name: [m.count, m.mean, m.squares] for name, m in self.moments.items()}

    @classmethod
    def restore(cls, state: dict[str, list[float]]) -> Self:
        """The inverse of `state`."""
        scaler = cls()
        scaler.moments = {name: Moments(int(count), mean, squares) for name, (count, mean, squares) in state.items()}
        return scaler


class RewardScale:
    """Maps rewards to the unit range that Vowpal Wabbit's explorers are tuned for.

    With a declared range it is the affine map onto [0, 1], clipped. Without one rewards pass unchanged for as long as
    all of them lie in [0, 1]; from the first one outside, rewards are centred and divided by their running standard
    deviation, so that one deviation counts as much as in a 0/1 reward of rate 0.1 (0.3), and clipped to [-3, 4].
    """

    SPREAD = 0.3

    def __init__(self, bounds: tuple[float, float] | None = None) -> None:
        self.bounds = bounds
        self.moments = Moments()
        self.unit = True

    def add(self, reward: float) -> None:
        """Take in one finite reward."""
        self.moments.add(reward)
        self.unit = self.unit and 0.0 <= reward <= 1.0

    def __call__(self, reward: float) -> float:
        """The scaled reward."""
        if self.bounds is not None:
            low, high = self.bounds
            return min(max((reward - low) / (high - low), 0.0), 1.0)
        if self.unit:
            return reward
        scale = self.SPREAD / (self.moments.deviation or 1.0)
        return min(max(self.SPREAD + (reward - self.moments.mean) * scale, -3.0), 4.0)

    def state(self) -> list[float | bool]:
        """JSON-able state; the declared range belongs to the spec."""
        return [self.moments.count, self.moments.mean, self.moments.squares, self.unit]

    @classmethod
    def restore(cls, bounds: tuple[float, float] | None, state: list[float | bool]) -> Self:
        """The inverse of `state`."""
        scale = cls(bounds)
        scale.moments = Moments(int(state[0]), state[1], state[2])
        scale.unit = bool(state[3])
        return scale
