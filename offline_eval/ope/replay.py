"""Replay by rejection sampling."""

import numpy as np
from numpy.typing import NDArray

from offline_eval.intervals.functional import Functional, unit_vector
from offline_eval.moments import Matrix, Moments
from offline_eval.ope.estimator import Basis, Estimator
from offline_eval.ope.rows import Rows

GRID = tuple(2.0**power for power in range(13))
"""Bounds M on the weight; the smallest that holds for all rows is used."""

MATCHED = len(GRID)
"""Place of the rule that accepts every row of positive weight, exact where all positive weights are equal."""


def row_uniform(number: NDArray[np.uint64]) -> Matrix:
    """(m,) fixed number in (0, 1) for each row number, by splitmix64 (Steele, Lea, Flood 2014)."""
    z = (number + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return ((z >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def columns(rows: Rows) -> Matrix:
    """(2 · 14 + 14 + 1, m): accepted and accepted r under each M and for matches; w > M for each M; w, w² 1{w > 0}."""
    weight = rows.weight
    numbers = np.arange(rows.batch.first_row, rows.batch.first_row + len(weight), dtype=np.uint64)
    level = weight / row_uniform(numbers)
    accepted = np.vstack([level > np.array(GRID)[:, None], weight > 0]).astype(np.float64)
    beyond = (weight > np.array(GRID)[:, None]).astype(np.float64)
    return np.vstack([accepted, accepted * rows.reward, beyond, weight])


def functional(moments: Moments) -> Functional:
    """Accepted mean under the smallest M that bounds the weights; every match where all positive weights are equal."""
    accepted = len(GRID) + 1
    size = len(moments.total)
    beyond = moments.total[2 * accepted : 2 * accepted + len(GRID)]
    matches, weights, squares = moments.total[MATCHED], moments.total[-1], moments.cross[-1, -1]
    if matches * squares - weights**2 <= 1e-9 * weights**2:
        place, bound = MATCHED, float(weights / matches) if matches else 1.0
    elif (beyond == 0).any():
        place = int(np.argmax(beyond == 0))
        bound = GRID[place]
    else:
        return Functional(np.zeros(size), np.zeros(size), np.zeros(size))
    return Functional(
        np.zeros(size), unit_vector(size, accepted + place), unit_vector(size, place), parameter=float(bound)
    )


REPLAY = Estimator("replay", Basis("replay", columns), functional, shifts=True)
"""v̂ = mean reward of the accepted rows; row i is accepted where u_i < w_i / M, u_i a fixed uniform of its row number.

Li, Chu, Langford, Wang, *Unbiased offline evaluation of contextual-bandit-based news article recommendation
algorithms*, WSDM 2011, with von Neumann's rejection in place of plain matching, which is unbiased only where μ is
uniform. Where all positive weights are equal (a fixed arm on a uniform log) every match is accepted, as there. M is
the smallest power of two above all weights, reported; with weights above 4,096 there is no estimate. Discards
most rows: prefer SNIPS, except for policies that learn as they go.

How often its interval covers: docs/results/coverage.md, "Every estimator by its own rule".
"""
