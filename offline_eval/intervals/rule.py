"""The fixed rule that chooses the default interval."""

import math

from offline_eval.intervals.known import Known

ENOUGH = 300.0
"""Effective rows from which a normal interval is trusted."""

LIGHT_SHARE = 0.02
"""Largest share of one weight in the sum of weights at which the weights still count as light."""


def is_light(known: Known) -> bool:
    """Whether a central limit theorem may be trusted: enough effective rows and no single weight that matters."""
    return known.weights.effective_n >= ENOUGH and known.weights.largest_share <= LIGHT_SHARE


def default_interval(known: Known) -> str:
    """Name in INTERVALS, for estimators of the value from weights and rewards.

    Looks only at the reward range, the weight bounds, the effective sample size and the largest weight's share:
    bounded rewards → empirical likelihood, heavy weights or light; unbounded rewards → normal where the weights are
    light, else bootstrap, which then under-covers, so that the verdict is `unusable` (see `covers`).
    """
    if known.reward_range is not None and all(math.isfinite(bound) for bound in known.reward_range):
        return "empirical_likelihood"
    return "normal" if is_light(known) else "bootstrap"


def covers(known: Known) -> bool:
    """Whether the rule's interval is claimed to cover: bounded rewards, or light weights."""
    return default_interval(known) != "bootstrap"
