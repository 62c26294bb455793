"""Posteriors of groups of the totals tier."""

from offline_eval.ab.bucketed import Linearised
from offline_eval.ab.bucketed_methods import countable
from offline_eval.ab.posterior import LEVELS, NormalFamily, Posterior, posterior_of
from offline_eval.ab.sample import Sample


def posterior_of_buckets(group: Linearised, prior: float = 1.0) -> Posterior | None:
    """Beta where the group is a count of successes among units, else normal around the stratified mean.

    The normal one has the standard error between buckets of units, so that repeated decisions count once. None where
    there is nothing to go by.
    """
    if countable(group):
        return posterior_of(Sample.of_counts(round(group.hits), group.units), prior)
    if not group.present.any():
        return None
    mean, error = group.mean_and_error
    if not error:
        return None
    family = NormalFamily(mean, error)
    return Posterior(family, mean, family.quantile(LEVELS))
