"""The fixed rule that chooses the default interval."""

import math

from offline_eval.intervals.known import Known

ENOUGH = 500.0
"""Effective rows from which a normal interval is trusted for bounded rewards."""

LIGHT_SHARE = 0.01
"""Largest share of one weight in the sum of weights at which the weights still count as light."""

ENOUGH_FOR_PAIRS, LIGHT_SHARE_FOR_PAIRS = 300.0, 0.025
"""The same two for the difference of two policies."""

MANY = 5_000.0
"""Effective rows from which a normal interval replaces empirical likelihood where no weight bound is known."""

SOME_UNBOUNDED, MANY_UNBOUNDED = 1_000.0, 20_000.0
"""Effective rows from which rewards without a known limit get a wide (asymptotic sequence) and a normal interval."""


def is_light(known: Known) -> bool:
    """Whether a central limit theorem may be trusted: enough effective rows and no single weight that matters."""
    return known.weights.effective_n >= ENOUGH and known.weights.largest_share <= LIGHT_SHARE


def is_light_for_pairs(known: Known) -> bool:
    """The same for the difference of two policies, whose terms are far less skewed than a value's."""
    return known.weights.effective_n >= ENOUGH_FOR_PAIRS and known.weights.largest_share <= LIGHT_SHARE_FOR_PAIRS


def is_bounded(known: Known) -> bool:
    """Whether the range of the rewards is known and finite."""
    return known.reward_range is not None and all(math.isfinite(bound) for bound in known.reward_range)


def default_unbounded(known: Known) -> str:
    """For rewards without a known limit: normal with very many effective rows, the wider asymptotic sequence with some,
    trivial with few or under heavy weights, where nothing useful was measured to cover."""
    if not is_light(known) or known.weights.effective_n < SOME_UNBOUNDED:
        return "trivial"
    return "normal" if known.weights.effective_n >= MANY_UNBOUNDED else "asymptotic_cs"


def default_interval(known: Known) -> str:
    """Name in INTERVALS, for estimators of the value from weights and rewards alone.

    Looks only at the reward range, the weight bounds, the effective sample size and the largest weight's share.
    Bounded rewards: empirical likelihood, heavy weights or light; only where no weight bound is known, the weights are
    light and there are MANY effective rows, normal (empirical likelihood would pay for weights never seen). Unbounded
    rewards: `default_unbounded`.
    """
    if not is_bounded(known):
        return default_unbounded(known)
    plentiful = is_light(known) and known.weights.effective_n >= MANY
    return "normal" if plentiful and known.bounds.weight is None else "empirical_likelihood"


def default_with_model(known: Known) -> str:
    """The same for estimators with a reward model or with shrunken weights: their own normal interval where rewards are
    bounded and weights light; else the policy's value is bounded from the weights alone."""
    return "normal" if is_bounded(known) and is_light(known) else default_interval(known)


def default_marginal(known: Known) -> str:
    """The same for estimators with weights of their own: Cressie–Read where rewards are bounded."""
    return "cressie_read" if is_bounded(known) else default_unbounded(known)


def default_model_only(_: Known) -> str:
    """The direct method has no weights to look at."""
    return "normal"


def covers(known: Known) -> bool:
    """Whether anything beyond the trivial interval is claimed."""
    return default_interval(known) != "trivial"
