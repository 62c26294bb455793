"""What would other policies have earned, told by several logs of different logging policies together?"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import scipy

from offline_eval.candidates import expand
from offline_eval.estimate import Estimate
from offline_eval.judging.claim import Claim
from offline_eval.judging.passes import Progress
from offline_eval.judging.setting import arms_by_period, shares_moved
from offline_eval.logs.log import Log
from offline_eval.logs.several import MIXTURE, as_one
from offline_eval.replay import Options, replay
from offline_eval.results import ReplayResult

BY_LOG = "ips_by_log"
LEARNS_NOTHING = ("logging", "uniform", "rules", "fixed", "column")


def replay_several(
    logs: Sequence[Log],
    policies: Sequence[str] | None = None,
    estimators: Sequence[str] | None = None,
    progress: Progress = lambda _what, _done, _total: None,
    options: Options | None = None,
) -> ReplayResult:
    """As `replay` of all rows together; `log` also holds `logs` ({name, n} each), `propensities` and `unknown`.

    `propensities` is "balanced mixture" where every logger's pmf is known in every row: each estimator then divides by
    the average of the loggers' probabilities. Where one is not, `unknown` says which and why, every row keeps its own
    logger's probability, and policies that learn nothing from the log also have the estimate `ips_by_log`: IPS of
    each log, combined by inverse variance. Raises LogsDifferError where the logs cannot be read as one.
    """
    options, together = options or Options(), as_one(logs)
    mixed = together.propensities == MIXTURE
    # From one log to the next shares differ by design; what matters is whether those of one logger moved.
    moving = any(shares_moved(log, arms_by_period(log)) for log in logs if log.spec.propensity.column)
    options = replace(options, moving=moving)
    result = replay(together.log, policies, estimators, progress, replace(options, mixture=mixed))
    told: dict[str, Any] = {"propensities": together.propensities, "unknown": list(together.unknown)}
    result["log"] |= told | {"logs": [{"name": log.spec.name, "n": log.n} for log in logs]}
    if not mixed:
        names = [name for name in result["policies"] if name.partition(":")[0] in LEARNS_NOTHING]
        for name, found in _by_log(logs, names, options).items():
            result["policies"][name]["estimates"][BY_LOG] = found.as_dict()
    return result


def _by_log(logs: Sequence[Log], names: Sequence[str], options: Options) -> dict[str, Estimate]:
    """Σ v_l / s_l² over Σ 1 / s_l²: the weighted estimator of Agarwal et al. (2017), section 4.1, by log.

    A log that says nothing about a policy takes no part; a policy about which none says anything has no value. Where
    the logs are of different people the value is over these in proportion to the precisions, not to their numbers.
    """
    once = replace(options, claim=Claim(options.claim.alpha, "normal"), extra=())
    found = []
    for log in logs:
        here = [name for name in names if name in expand(log, names) and _can(name, log)]
        found.append(replay(log, here, ["ips"], options=once)["policies"])
    told = {name: [each[name] for each in found if name in each] for name in names}
    bounds = logs[0].spec.objective.range
    combined = {name: _combined(policies, options.claim.alpha) for name, policies in told.items()}
    return {name: each.held_within(*bounds) if bounds else each for name, each in combined.items()}


def _can(name: str, log: Log) -> bool:
    kind, _, rest = name.partition(":")
    return kind != "fixed" or rest in log.keys


def _combined(policies: Sequence[dict[str, Any]], alpha: float) -> Estimate:
    z = float(scipy.stats.norm.isf(alpha / 2))
    estimates = [policy["estimates"]["ips"] for policy in policies]
    known = [e for e in estimates if e["value"] is not None and e["lower"] is not None and e["upper"] > e["lower"]]
    n = sum(int(e["n"]) for e in estimates)
    if not known:
        return Estimate(None, None, None, n, 0.0, f"{BY_LOG}+no_support", alpha)
    values = np.array([e["value"] for e in known])
    precision = np.array([(2 * z / (e["upper"] - e["lower"])) ** 2 for e in known])
    value, half = float(values @ precision / precision.sum()), z / float(np.sqrt(precision.sum()))
    worth = float(sum(e["effective_n"] for e in known))
    return Estimate(value, value - half, value + half, n, worth, f"{BY_LOG}+inverse_variance", alpha)
