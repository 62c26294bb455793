"""Maximum likelihood by L-BFGS over distinct histories, in logarithms of the parameters."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import scipy

from offline_eval.activity.errors import HistoryError
from offline_eval.activity.histories import Floats, Histories

Likelihood = Callable[[Floats], tuple[Floats, Floats]]
"""Log parameters (m,) → each history's log likelihood (n,), and its gradient with respect to these, (m, n)."""


class Region(NamedTuple):
    """Log parameters to begin at, and their bounds: beyond them a likelihood without a maximum only creeps on."""

    start: Sequence[float]
    bounds: Sequence[tuple[float, float]]


def time_unit(histories: Histories) -> float:
    """The mean observed time: measured in it, the fit does not depend on the histories' own unit.

    Raises HistoryError where nobody was watched for any time, or nobody ever returned.
    """
    if not len(histories) or not histories.frequency.any() or not histories.observed.any():
        raise HistoryError("no unit ever returned: there is no rhythm to learn")
    return float(histories.observed.mean())


def maximise(likelihood: Likelihood, counts: Floats, region: Region) -> list[float]:
    """The parameters (m,) of the highest likelihood of histories that occur `counts` times each."""
    weights = counts / counts.sum()

    def loss(logs: Floats) -> tuple[float, Floats]:
        value, gradient = likelihood(logs)
        return -float(weights @ value), -(gradient @ weights)

    found = scipy.optimize.minimize(loss, np.array(region.start), jac=True, method="L-BFGS-B", bounds=region.bounds)
    return [float(value) for value in np.exp(found.x)]
