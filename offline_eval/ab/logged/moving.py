"""Whether the shares of arms moved during a log, as those of a policy that learns do."""

from typing import Literal

import numpy as np
from scipy.special import chdtrc

from offline_eval.ab.checks.check import CheckResult
from offline_eval.ab.logged.gathering import Tally
from offline_eval.logs.log import Log

LIMIT = 0.001

SMALL = 0.05
"""Cramér's V below which a drift of the shares is too small to mislead."""


def allocation(log: Log, tally: Tally) -> list[CheckResult]:
    """Of logs whose probabilities are logged: Pearson's χ² of arms by tenth of the log; none for others.

    Failed, plain intervals do not claim coverage: with weights that reacted to outcomes a weighted mean over its own
    standard error need not be near normal (Zhan, Hadad, Hirshberg & Athey 2021, section 2). A fixed policy whose
    audience drifts fails too; one that learned without moving passes, and so does a shuffled log without log.time.
    """
    if log.spec.propensity.column is None:
        return []
    table = tally.times[tally.times.sum(axis=1) > 0][:, tally.counts > 0]
    if min(table.shape) < 2:
        return [CheckResult("allocation", "too_few", None, "one arm, or one moment: nothing can have moved")]
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
    p_value = float(chdtrc(freedom, statistic))
    strength = (statistic / table.sum() / (min(table.shape) - 1)) ** 0.5
    moved = p_value < LIMIT and strength > SMALL
    if not moved and float(chdtrc(freedom, table.sum() * (min(table.shape) - 1))) >= LIMIT:
        detail = "too few rows: even if every arm had had a time of its own, it would not show"
        return [CheckResult("allocation", "too_few", None, detail)]
    status: Literal["failed", "ok"] = "failed" if moved else "ok"
    detail = (
        "the arms' shares moved during the log, as those of a policy that learns do: plain intervals claim no coverage;"
        " read the live experiment's arm contrasts, or a part of the log in which the policy was fixed"
        if moved
        else "the arms' shares stayed the same during the log"
    )
    return [CheckResult("allocation", status, p_value, detail)]
