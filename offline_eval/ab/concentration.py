"""How many degrees of freedom a variance between buckets has where a few units make most of the decisions."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Floats = NDArray[np.float64]

LEAST_FREEDOM = 1.0
"""With fewer degrees of freedom Student's t has no mean: a unit or two decide everything."""

CONCENTRATED = "too few: a few units make nearly all of these decisions, so that nothing tells how much units vary"

ONE_UNIT = "too few: what one unit did says nothing of how much units vary"


def effective_freedom(shares: Sequence[Floats]) -> float:
    """Of the difference of means whose buckets have these shares of all decisions, one array (B,) for each mean.

    With buckets' variances v in a working model and their sum estimated by squares of residuals, (Σ v)² / Σ v² - 1
    (Satterthwaite 1946, *An approximate distribution of estimates of variance components*, Biometrics Bulletin 2,
    110-114). Decisions of a unit are taken for one observation, v = share², which leaves the fewest degrees of freedom
    (Carter, Schnepel & Steigerwald 2017, *Asymptotic behavior of a t-test robust to cluster heterogeneity*, REStat 99,
    698-709). Never above the number of buckets in use, minus one, of all means together.
    """
    squares = [float(each @ each) for each in shares]
    fourths = sum(float((each**2) @ (each**2)) for each in shares)
    return sum(squares) ** 2 / fourths - 1 if fourths > 0 else 0.0


@lru_cache(maxsize=4096)
def student(freedom: float, alpha: float) -> float:
    """Student's critical value of a two-sided interval; kept, because most groups use all buckets."""
    return float(stdtrit(freedom, 1 - alpha / 2))
