"""Manual weights: an arm's probability is set, the others share the rest in their old proportions."""

from collections.abc import Mapping, Sequence

from bandit.rounds import Pmf


def applicable(weights: Mapping[str, float], keys: Sequence[str], pmf: Pmf) -> dict[str, float]:
    """The overrides that apply: to arms that the policy gives a probability strictly between 0 and 1.

    So a holdout or a fixed variant stays what it is; and no override applies where the arms without one would have
    nothing to share the rest by.
    """
    named = {key: weights[key] for place, key in enumerate(keys) if key in weights and 0.0 < pmf[place] < 1.0}
    others = sum(float(pmf[place]) for place, key in enumerate(keys) if key not in named)
    return named if others > 0.0 and sum(named.values()) <= 1.0 else {}


def with_weights(pmf: Pmf, keys: Sequence[str], weights: Mapping[str, float]) -> Pmf:
    """The pmf after `applicable` overrides: w for a named arm, p (1 - Σw) / (1 - Σp of the named) for the others.

    Shape (K,) → (K,), summing to one.
    """
    if not weights:
        return pmf
    made = pmf.copy()
    places = [place for place, key in enumerate(keys) if key in weights]
    made[places] = 0.0
    made *= (1.0 - sum(weights.values())) / made.sum()
    made[places] = [weights[keys[place]] for place in places]
    made /= made.sum()
    return made
