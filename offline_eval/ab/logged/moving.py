"""Whether the shares of arms moved during a log, as those of a policy that learns do."""

from typing import Literal

from offline_eval.ab.checks.check import CheckResult
from offline_eval.ab.logged.gathering import Tally
from offline_eval.logs.log import Log
from offline_eval.shares import drift_of


def allocation(log: Log, tally: Tally) -> list[CheckResult]:
    """Of logs whose probabilities are logged: Pearson's χ² of arms by tenth of the log; none for others.

    Failed, plain intervals do not claim coverage: with weights that reacted to outcomes a weighted mean over its own
    standard error need not be near normal (Zhan, Hadad, Hirshberg & Athey 2021, section 2). A fixed policy whose
    audience drifts fails too; one that learned without moving passes, and so does a shuffled log without log.time.
    """
    if log.spec.propensity.column is None:
        return []
    drift = drift_of(tally.times)
    if drift is None:
        return [CheckResult("allocation", "too_few", None, "one arm, or one moment: nothing can have moved")]
    if not drift.could_show:
        detail = "too few rows: even if every arm had had a time of its own, it would not show"
        return [CheckResult("allocation", "too_few", None, detail)]
    status: Literal["failed", "ok"] = "failed" if drift.moved else "ok"
    detail = (
        "the arms' shares moved during the log, as those of a policy that learns do: plain intervals claim no coverage;"
        " read the live experiment's arm contrasts, or a part of the log in which the policy was fixed"
        if drift.moved
        else "the arms' shares stayed the same during the log"
    )
    return [CheckResult("allocation", status, drift.p_value, detail)]
