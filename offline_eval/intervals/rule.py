"""The fixed rule that chooses the default interval."""

import math

from offline_eval.intervals.known import Known

ENOUGH = 300.0
"""Effective rows from which a normal interval is trusted."""

LIGHT_SHARE = 0.02
"""Largest share of one weight in the sum of weights at which the weights still count as light."""


MANY = 5_000.0
"""Effective rows from which a normal interval replaces empirical likelihood where no weight bound is known."""


def is_light(known: Known) -> bool:
    """Whether a central limit theorem may be trusted: enough effective rows and no single weight that matters."""
    return known.weights.effective_n >= ENOUGH and known.weights.largest_share <= LIGHT_SHARE


def is_bounded(known: Known) -> bool:
    """Whether the range of the rewards is known and finite."""
    return known.reward_range is not None and all(math.isfinite(bound) for bound in known.reward_range)


def default_interval(known: Known) -> str:
    """Name in INTERVALS, for estimators of the value from weights and rewards alone.

    Looks only at the reward range, the weight bounds, the effective sample size and the largest weight's share.
    Bounded rewards: empirical likelihood, heavy weights or light; only where no weight bound is known, the weights are
    light and there are MANY effective rows, normal (empirical likelihood would pay for weights never seen). Unbounded
    rewards: normal where the weights are light, else bootstrap, which then under-covers, so that the verdict is
    `unusable` (see `covers`).
    """
    if not is_bounded(known):
        return "normal" if is_light(known) else "bootstrap"
    plentiful = is_light(known) and known.weights.effective_n >= MANY
    return "normal" if plentiful and known.bounds.weight is None else "empirical_likelihood"


def default_with_model(known: Known) -> str:
    """The same for estimators with a reward model or with shrunken weights: their own normal interval where the weights
    are light; else the policy's value is bounded from the weights alone."""
    return "normal" if is_light(known) else default_interval(known)


def default_marginal(known: Known) -> str:
    """The same for estimators with weights of their own: Cressie–Read where rewards are bounded, else normal."""
    return "cressie_read" if is_bounded(known) else "normal"


def default_model_only(_: Known) -> str:
    """The direct method has no weights to look at."""
    return "normal"


def covers(known: Known) -> bool:
    """Whether the rule's interval is claimed to cover: bounded rewards, or light weights."""
    return default_interval(known) != "bootstrap"
