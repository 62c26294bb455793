"""A price on cost, put on a pmf: what a budget makes of a policy that knows nothing of it."""

import numpy as np
from numpy.typing import NDArray

from bandit.rounds import Pmf


def with_shadow_price(pmf: Pmf, costs: NDArray[np.float64], price: float, floor: float) -> Pmf:
    """The pmf proportional to p · exp(−price · cost), every arm then held to at least `floor`.

    The exponential tilt is the entropic response to the dual variable of one knapsack constraint (Badanidiyuru,
    Kleinberg & Slivkins 2018, "Bandits with Knapsacks"; the price is adapted as in Balseiro, Lu & Mirrokni 2020,
    "Dual Mirror Descent for Online Allocation Problems"). A price of zero changes nothing. An arm of probability zero
    keeps it where the floor is zero.

    Args:
        pmf: shape (K,), sums to 1.
        costs: shape (K,), what each arm is expected to cost, in the unit that `price` is per.
        price: at least 0.
        floor: at least 0; at most 1/K counts.
    """
    if price <= 0.0:
        return pmf
    dearer = np.maximum(costs - costs[pmf > 0.0].min(), 0.0)
    tilted: Pmf = pmf * np.exp(-price * dearer)
    tilted /= tilted.sum()
    return lifted(tilted, floor) if floor > 0.0 else tilted


def lifted(pmf: Pmf, floor: float) -> Pmf:
    """f + (1 − K f) (p − f)₊ / Σ (p − f)₊ with f = min(floor, 1/K): unlike a mixture it leaves alone what fits.

    Shape (K,) → (K,), sums to 1.
    """
    count = len(pmf)
    least = min(floor, 1.0 / count)
    excess = np.maximum(pmf - least, 0.0)
    total = float(excess.sum())
    if total <= 0.0 or count * least >= 1.0:
        return np.full(count, 1.0 / count)
    made: Pmf = least + (1.0 - count * least) * excess / total
    made /= made.sum()
    return made
