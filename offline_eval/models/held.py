"""Predictions held in the range of the rewards without moving their mean."""

from dataclasses import dataclass

import numpy as np

from offline_eval.logs.batch import Floats
from offline_eval.models.outcome import Examples, OutcomeModel

SAMPLE = 20_000
"""Rows, evenly spread, from which the means are taken."""


@dataclass(frozen=True)
class HeldInRange:
    """A fitted model whose predictions are cut off at the range and then pulled back to the mean they had.

    Cutting off alone turns every prediction below the range into one at its end: for rare rewards, where a linear
    model is below 0 for many, that raises the mean of all predictions, and the direct method with it.

    Attributes:
        down, up: (K,) factors of each arm's distance from the lower, the upper end; one of the two is 1.
    """

    model: OutcomeModel
    bounds: tuple[float, float]
    down: Floats
    up: Floats

    def fit(self, examples: Examples, arms: Floats) -> None:
        """As the model itself."""
        self.model.fit(examples, arms)

    def predict(self, x: Floats) -> Floats:
        """Shape (n, K)."""
        low, high = self.bounds
        cut = np.clip(self.model.predict(x), low, high)
        return np.asarray(high - self.up * (high - (low + self.down * (cut - low))))


def held_in_range(model: OutcomeModel, x: Floats, bounds: tuple[float, float]) -> HeldInRange:
    """The fitted model, each arm's mean over the contexts `x` (m, d) that it learned from kept."""
    low, high = bounds
    raw = model.predict(x[:: max(1, len(x) // SAMPLE)])
    wanted, cut = np.clip(raw.mean(axis=0), low, high), np.clip(raw, low, high).mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        down = np.where(cut > wanted, (wanted - low) / (cut - low), 1.0)
        up = np.where(cut < wanted, (high - wanted) / (high - cut), 1.0)
    return HeldInRange(model, bounds, down, up)
