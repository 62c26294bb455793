"""What is known where a few units make most of the decisions, or of the events: degrees of freedom, people."""

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


def people_with_events(totals: Floats, sizes: Floats, binary: NDArray[np.bool_]) -> Floats:
    """(M,) units with an event of each metric, from (M, S, B) totals: with k of B buckets taken, -B ln(1 - k/B) (linear
    counting, Whang, Vander-Zanden & Taylor 1990). Of a 0/1 metric those without, where they are fewer."""
    buckets = sizes.shape[1]
    having = np.count_nonzero(totals.any(axis=1), axis=1)
    lacking = np.count_nonzero((totals != sizes).any(axis=1), axis=1)
    taken = np.where(binary, np.minimum(having, lacking), having)
    with np.errstate(divide="ignore"):
        return np.asarray(-buckets * np.log1p(-taken / buckets))
