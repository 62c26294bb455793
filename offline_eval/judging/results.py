"""From gathered statistics to what people read: estimates, differences, diagnostics and a verdict."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from offline_eval.estimate import Estimate
from offline_eval.judging.gathering import Gathered
from offline_eval.judging.setting import Setting
from offline_eval.logs.log import Log
from offline_eval.ope.difference import Joint
from offline_eval.ope.evaluate import known_of
from offline_eval.ope.findings import findings_of
from offline_eval.ope.gather import Statistics
from offline_eval.ope.verdict import judge

HEADLINES = ("dr", "snips", "ips")
"""The estimator that rankings and verdicts look at: the first of these that was asked for."""


def headline(estimators: Sequence[str]) -> str:
    """The estimator shown first."""
    return next((name for name in HEADLINES if name in estimators), estimators[0])


def contrast(
    name: str, joint: Joint | None, sides: tuple[Statistics | None, Statistics | None], setting: Setting
) -> Estimate:
    """First minus second policy; a value of None without support, and exactly zero where they are the same."""
    first, second = sides
    if first is None or second is None:
        return Estimate(None, None, None, 0, 0.0, f"{name}-difference+no_rows", setting.claim.alpha)
    return setting.claim.difference(name, joint, (first, second), setting.bounds)


def policy_result(gathered: Gathered, logging: Gathered, log: Log, setting: Setting, trained: bool) -> dict[str, Any]:
    """{estimates, versus_logging, diagnostics, verdict, reason} of one candidate."""
    statistics, names = gathered.whole, setting.plan.estimators
    if statistics is None or gathered.tallies is None:
        raise ValueError("a candidate without rows cannot be judged")
    estimates = setting.claim.values(statistics, names, setting.bounds)
    other = logging.judged if trained and setting.split is not None else logging.whole
    versus = {name: contrast(name, gathered.logging, (statistics, other), setting) for name in names}
    findings = findings_of(gathered.tallies, statistics.weights)
    fitted = log.spec.propensity.estimate and gathered is not logging
    # What the log itself earned is a plain mean: wrong propensities cannot spoil it.
    seen = replace(findings, calibration_p=1.0) if gathered is logging else findings
    verdict = judge(seen, known_of(statistics, setting.bounds), estimates[headline(names)], fitted)
    diagnostics = findings.as_dict() | {
        "arm_calibration": dict(zip(log.keys, findings.arm_calibration, strict=True)),
        "arm_p": dict(zip(log.keys, findings.arm_p, strict=True)),
        "unsupported_arms": [log.keys[arm] for arm in findings.unsupported_arms],
        "unsupported_segments": [setting.segments[code] for code in findings.unsupported_segments if setting.segments],
        "fallback_share": gathered.fallback / gathered.rows,
        "judged_on": _judged_on(trained, setting),
        "propensities": propensities(log),
        "reasons": list(verdict.reasons),
    }
    return {
        "estimates": {name: found.as_dict() for name, found in estimates.items()},
        "versus_logging": {name: found.as_dict() for name, found in versus.items()},
        "diagnostics": plain(diagnostics),
        "verdict": verdict.word,
        "reason": verdict.reason,
    }


def _judged_on(trained: bool, setting: Setting) -> str:
    if not trained:
        return "all rows"
    return "other units than it was trained on" if setting.split is None else "later rows than it was trained on"


def propensities(log: Log) -> str:
    """Where the propensities come from, in a word."""
    spec = log.spec.propensity
    if spec.within is not None:
        return "shares"
    return "uniform" if spec.uniform else "logged" if spec.column else "fitted"


def log_result(log: Log) -> dict[str, Any]:
    """What was read."""
    scan, spec = log.scan, log.spec
    missing = {name: count for name, count in scan.missing.items() if count}
    return {
        "name": spec.name,
        "objective": spec.objective.maximise,
        "range": list(spec.objective.range) if spec.objective.range else None,
        "control": spec.control or None,
        "arms": {key: scan.arms[key] for key in log.keys},
        "propensities": propensities(log),
        "lowest_reward": scan.lowest,
        "highest_reward": scan.highest,
        "missing_outcomes": missing,
    }


def plain(value: Any) -> Any:
    """The same in JSON's types; what is not finite is null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
