"""From how many units on a test of a share has events enough for intervals that rest on large samples."""

import math

from scipy.special import gammaincinv

from offline_eval.ab.scarcity import FEW, scarcer

LIKELY = 0.9
"""Chance of having that many events by then."""


def units_until_informative(rates: tuple[float, float], shares: tuple[float, float]) -> int:
    """Units in all until every group is likely to have FEW events, or non-events where those are scarcer.

    `rates` and `shares` of all units: (one treatment, the control). Events come as a Poisson process, which is never
    less careful than the binomial law; P(at least k of mean m) is the regularised gamma function P(k, m).
    """
    needed = float(gammaincinv(FEW, LIKELY))
    slowest = min(scarcer(rate, 1.0, True) * share for rate, share in zip(rates, shares, strict=True))
    return math.ceil(needed / slowest) if slowest > 0 else 0
