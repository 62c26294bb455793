"""Whether the shares of arms moved during a log, as those of a policy that learns do."""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from offline_eval.ab.checks.check import CheckResult
from offline_eval.ab.logged.gathering import Tally
from offline_eval.logs.log import Log
from offline_eval.moments import Matrix
from offline_eval.shares import Drift, drift_of


def allocation(log: Log, tally: Tally) -> list[CheckResult]:
    """Whether the shares of arms are what the spec says of them; none where it says nothing that could be tested.

    Of logs whose probabilities are logged, Pearson's χ² of arms by tenth of the log. Of logs whose shares are said to
    be the whole log's (`within = []`), the same where there is a time, and of arms by segment where there are segments:
    an arm that came later, or was for some people only, is not comparable over all rows.
    """
    if log.spec.propensity.column is not None:
        return [_over_a_log(tally)]
    if log.spec.propensity.within is None or log.spec.strata or log.clustered:
        return []
    tables = {"time": tally.times} if log.spec.time else {}
    tables |= {column: _by_segment(tally, column, len(log.arms)) for column in log.spec.segments}
    return _constant({name: drift for name, table in tables.items() if (drift := drift_of(table)) is not None})


def _by_segment(tally: Tally, column: str, arms: int) -> Matrix:
    """Rows by segment of a column and arm, (S, K)."""
    found: dict[str, Matrix] = {}
    for ((name, value), arm, _), sample in tally.samples.items():
        if name == column:
            row = found.setdefault(value, np.zeros(arms))
            row[arm] = max(row[arm], sample.n)
    return np.array(list(found.values())).reshape(-1, arms)


def _constant(drifts: Mapping[str, Drift]) -> list[CheckResult]:
    """One check of all that the shares were said not to depend on."""
    moved = [name for name, drift in drifts.items() if drift.moved]
    if moved:
        told = (
            f"the arms' shares are not those of the whole log: they differ by {', '.join(moved)}; list in "
            "propensity.within what they were drawn within (of an arm that came later: the part of the log)"
        )
        return [CheckResult("allocation", "failed", min(drifts[name].p_value for name in moved), told)]
    shown = [drift.p_value for drift in drifts.values() if drift.could_show]
    if not shown:
        return []
    told = f"the arms' shares do not differ by {', '.join(drifts)}"
    return [CheckResult("allocation", "ok", min(shown), told)]


def _over_a_log(tally: Tally) -> CheckResult:
    """Failed, plain intervals do not claim coverage: with weights that reacted to outcomes a weighted mean over its own
    standard error need not be near normal (Zhan, Hadad, Hirshberg & Athey 2021, section 2). A fixed policy whose
    audience drifts fails too; one that learned without moving passes, and so does a shuffled log without log.time.
    """
    drift = drift_of(tally.times)
    if drift is None:
        return CheckResult("allocation", "too_few", None, "one arm, or one moment: nothing can have moved")
    if not drift.could_show:
        detail = "too few rows: even if every arm had had a time of its own, it would not show"
        return CheckResult("allocation", "too_few", None, detail)
    status: Literal["failed", "ok"] = "failed" if drift.moved else "ok"
    detail = (
        "the arms' shares moved during the log, as those of a policy that learns do: plain intervals claim no coverage;"
        " read the live experiment's arm contrasts, or a part of the log in which the policy was fixed"
        if drift.moved
        else "the arms' shares stayed the same during the log"
    )
    return CheckResult("allocation", status, drift.p_value, detail)
