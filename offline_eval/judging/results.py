"""From gathered statistics to what people read: estimates, differences, diagnostics and a verdict."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from offline_eval.estimate import Estimate
from offline_eval.judging.gathering import Gathered
from offline_eval.judging.setting import Setting
from offline_eval.judging.unsaid import unsaid
from offline_eval.logs.log import Log
from offline_eval.ope.difference import Joint
from offline_eval.ope.evaluate import known_of
from offline_eval.ope.findings import findings_of
from offline_eval.ope.gather import Statistics
from offline_eval.ope.verdict import CLEARLY, judge

HEADLINES = ("dr", "snips", "ips")
"""The estimator that rankings and verdicts look at: the first of these that was asked for."""


def headline(estimators: Sequence[str]) -> str:
    """The estimator shown first."""
    return next((name for name in HEADLINES if name in estimators), estimators[0])


@dataclass(frozen=True)
class Asked:
    """How one candidate is judged: whether it was trained, and of how many differences its own is one."""

    trained: bool
    family: int


def with_untried(gathered: Gathered) -> Gathered:
    """The same, with the share of what the candidate would do that the log could never show in all statistics.

    Where no pmf was logged it is the mass on arms that never occur, or what the mean weight clearly lacks to 1.
    """
    if gathered.tallies is None or gathered.whole is None or not math.isnan(gathered.tallies.unsupported):
        return gathered
    findings = findings_of(gathered.tallies, gathered.whole.weights)
    lacking = 1.0 - findings.mean_weight if findings.mean_weight_p < CLEARLY else 0.0
    share = max(findings.unsupported_share, lacking)
    if share <= 0.0:
        return gathered
    parts = {name: getattr(gathered, name) for name in ("before", "choose", "confirm")}
    kept = {name: part and replace(part, untried=share * part.weights.n) for name, part in parts.items()}
    return replace(gathered, **kept)


def contrast(
    name: str,
    joint: Joint | None,
    sides: tuple[Statistics | None, Statistics | None],
    setting: Setting,
    family: int = 1,
) -> Estimate:
    """First minus second policy; a value of None without support, and exactly zero where they are the same.

    Of a `family` of differences each has its share of the claim's alpha (Bonferroni), so that all hold at once with
    that confidence, which is what their `alpha` says.
    """
    first, second = sides
    claim = replace(setting.claim, alpha=setting.claim.alpha / max(family, 1))
    if first is None or second is None:
        return Estimate(None, None, None, 0, 0.0, f"{name}-difference+no_rows", claim.alpha)
    return replace(claim.difference(name, joint, (first, second), setting.bounds), alpha=setting.claim.alpha)


def policy_result(gathered: Gathered, logging: Gathered, log: Log, setting: Setting, asked: Asked) -> dict[str, Any]:
    """{estimates, versus_logging, diagnostics, verdict, reason} of one candidate.

    The intervals of `versus_logging` hold for all candidates at once.
    """
    statistics, names = gathered.whole, setting.plan.estimators
    if statistics is None or gathered.tallies is None:
        raise ValueError("a candidate without rows cannot be judged")
    estimates = setting.claim.values(statistics, names, setting.bounds)
    sides = statistics, logging.judged if asked.trained and setting.split is not None else logging.whole
    versus = {name: contrast(name, gathered.logging, sides, setting, asked.family) for name in names}
    known = known_of(statistics, setting.bounds)
    findings = findings_of(gathered.tallies, statistics.weights, known)
    places = tuple(setting.segments[code] for code in findings.unsupported_segments if setting.segments)
    findings = replace(findings, places=places, fallback_share=gathered.fallback / gathered.rows)
    if not log.spec.time:  # rows in no order of time have no drift of results to speak of
        findings = replace(findings, reward_drift_p=1.0, reward_drift=0.0)
    fitted = log.spec.propensity.estimate and gathered is not logging
    # What the log itself earned is a plain mean: wrong propensities cannot spoil it.
    mean = replace(findings, calibration_p=1.0, informative_n=findings.effective_n)
    seen = mean if gathered is logging else findings
    first = headline(names)
    more = unsaid(estimates[first], versus[first], known, anytime=setting.claim.anytime, moving=setting.moving)
    verdict = judge(seen, known, estimates[first], fitted, more)
    listed = findings.as_dict()
    del listed["places"]
    diagnostics = listed | {
        "arm_calibration": dict(zip(log.keys, findings.arm_calibration, strict=True)),
        "arm_p": dict(zip(log.keys, findings.arm_p, strict=True)),
        "unsupported_arms": [log.keys[arm] for arm in findings.unsupported_arms],
        "unsupported_segments": list(places),
        "judged_on": _judged_on(asked.trained, setting),
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
        "range": list(log.range) if log.range else None,
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
