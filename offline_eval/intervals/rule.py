"""The fixed rule that chooses the default interval."""

import math

from offline_eval.intervals.known import Known, Weights
from offline_eval.intervals.tails import MOST_SKEWED

ENOUGH = 500.0
"""Effective rows from which a normal interval is trusted for bounded rewards."""

LIGHT_SHARE = 0.01
"""Largest share of one weight in the sum of weights at which the weights still count as light."""

ENOUGH_FOR_PAIRS, LIGHT_SHARE_FOR_PAIRS = 300.0, 0.025
"""The same two for the difference of two policies."""

FEW_EVENTS = 50.0
"""Events (rows of positive weight away from an end of the rewards' range) below which only an exact interval covers."""

EVEN_SHARE, EVEN_RATIO = 0.05, 3.0
"""Largest possible weight, by the number of rows or by the mean positive weight, up to which weights count as even."""

ENOUGH_EVENTS = 150.0
"""Effective events, on either side, from which a normal interval is trusted."""

MANY = 5_000.0
"""Effective rows from which a normal interval replaces empirical likelihood where no weight bound is known."""

SOME_UNBOUNDED, MANY_UNBOUNDED = 50.0, 500.0
"""Effective events from which rewards without a known limit get a wide (asymptotic sequence) and a normal interval."""


def is_light(known: Known) -> bool:
    """Whether a central limit theorem may be trusted: enough effective rows and no single weight that matters."""
    return known.effective_n >= ENOUGH and known.weights.largest_share <= LIGHT_SHARE


def is_light_for_pairs(weights: Weights, effect: float) -> bool:
    """The same for the difference of two policies of a design effect, whose terms are far less skewed than a value's.

    How few people there are is left to the degrees of freedom: what differs between people cancels in a difference.
    """
    return weights.effective_n / effect >= ENOUGH_FOR_PAIRS and weights.largest_share <= LIGHT_SHARE_FOR_PAIRS


def is_bounded(known: Known) -> bool:
    """Whether the range of the rewards is known and finite."""
    return known.reward_range is not None and all(math.isfinite(bound) for bound in known.reward_range)


def has_few_events(known: Known) -> bool:
    """Whether bounded rewards hardly ever leave one end of their range; not where they are one value inside it."""
    return min(known.events) < FEW_EVENTS and known.constant is None


def is_even(known: Known) -> bool:
    """Whether no weight may be far above the others: then empirical likelihood covers too rarely with few events (as a
    likelihood ratio for a Poisson mean does), and the gamma interval's one more event of the largest weight costs
    little. Under heavy weights it is the other way round."""
    largest, positive = known.heaviest, max(known.weights.positive, 1)
    return largest <= EVEN_SHARE * known.weights.n or largest * positive <= EVEN_RATIO * known.weights.total


def is_plentiful(known: Known) -> bool:
    """Whether a normal interval holds for bounded rewards: light weights and enough effective events on either side."""
    return is_light(known) and min(known.effective_events) >= ENOUGH_EVENTS


def default_unbounded(known: Known) -> str:
    """For rewards without a known limit: normal with many effective events, the wider asymptotic sequence with some,
    trivial with few, under heavy weights or a heavy tail, where nothing useful was measured to cover
    (docs/results/coverage.md, "Amounts without a known limit")."""
    events = known.effective_events[0]
    if not is_light(known) or events < SOME_UNBOUNDED or known.skewness > MOST_SKEWED:
        return "trivial"
    return "normal" if events >= MANY_UNBOUNDED else "asymptotic_cs"


def default_interval(known: Known) -> str:
    """Name in INTERVALS, for estimators of the value from weights and rewards alone.

    Looks only at the reward range, the weight bounds, the weights, and the events behind the estimate. Bounded rewards:
    the gamma interval with few events, else empirical likelihood, heavy weights or light; only where no weight bound is
    known, the weights are light and there are MANY effective rows, normal (empirical likelihood would pay for weights
    never seen). Unbounded rewards: `default_unbounded`.
    """
    if not is_bounded(known):
        return default_unbounded(known)
    if has_few_events(known) and is_even(known):
        return "gamma"
    plentiful = is_plentiful(known) and known.effective_n >= MANY
    return "normal" if plentiful and known.bounds.weight is None else "empirical_likelihood"


def default_with_model(known: Known) -> str:
    """The same for estimators with a reward model or with shrunken weights: their own normal interval where rewards are
    bounded, weights light and events many; else the policy's value is bounded from the weights alone."""
    return "normal" if is_bounded(known) and is_plentiful(known) else default_interval(known)


def default_marginal(known: Known) -> str:
    """The same for estimators with weights of their own: Cressie–Read where rewards are bounded, gamma with few
    events."""
    if not is_bounded(known):
        return default_unbounded(known)
    return "gamma" if has_few_events(known) and is_even(known) else "cressie_read"


def default_model_only(_: Known) -> str:
    """The direct method has no weights to look at."""
    return "normal"


def covers(known: Known) -> bool:
    """Whether anything beyond the trivial interval is claimed."""
    return default_interval(known) != "trivial"
