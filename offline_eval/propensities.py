"""Propensities of logs that have none of their own."""

from collections.abc import Callable
from dataclasses import replace

from offline_eval.candidates.training import training_rows
from offline_eval.logs.log import Log
from offline_eval.models.choice import fit_choice


def with_propensities(log: Log, progress: Callable[[str, int, int], None] = lambda _what, _done, _total: None) -> Log:
    """The log with fitted propensities where it has none of its own."""
    if not log.spec.propensity.estimate or log.fitted is not None:
        return log
    progress("fitting propensities", 0, 1)
    fitted = replace(log, fitted=fit_choice(training_rows(log).rows, log.arms))
    progress("fitting propensities", 1, 1)
    return fitted
