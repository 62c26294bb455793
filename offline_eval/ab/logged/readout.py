"""Every arm of a log against the control."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from operator import add
from typing import Any

from offline_eval.ab.checks.check import CheckResult
from offline_eval.ab.contrast import Contrast
from offline_eval.ab.errors import ReadoutError
from offline_eval.ab.heterogeneity import heterogeneity
from offline_eval.ab.level import width_told
from offline_eval.ab.logged.contrasting import Contrasting, Shown
from offline_eval.ab.logged.doubts import doubted, doubts, with_doubt
from offline_eval.ab.logged.gathering import tally_part
from offline_eval.ab.logged.mismatch import mismatch
from offline_eval.ab.logged.moving import allocation
from offline_eval.ab.logged.notes import notes, over
from offline_eval.ab.logged.sight import WHOLE, Pair, Segment, Sight
from offline_eval.ab.multiplicity import holm
from offline_eval.ab.posterior import best_of, posterior_of
from offline_eval.ab.verdict import Finding, Verdict, share_of_alpha, undecided, verdict
from offline_eval.engine import Engine, Threads, map_merge
from offline_eval.logs.log import Log
from offline_eval.logs.spec import NET_VALUE
from offline_eval.propensities import with_propensities
from offline_eval.results import ReadoutResult


@dataclass(frozen=True)
class Settings:
    """What a readout may be told.

    Attributes:
        alpha: one minus the coverage of every single interval, and the verdict's rate of error.
        worthwhile: the least difference of the objective worth having, in its unit; 0 leaves futility unsaid.
    """

    alpha: float = 0.05
    worthwhile: float = 0.0


def readout(log: Log, settings: Settings | None = None, engine: Engine | None = None) -> ReadoutResult:
    """The contract's readout of a log, JSON's types. The objective's metric comes first.

    `{"log", "n", "control", "objective", "coverage_claimed", "notes", "arms": {ARM: {"n", "over", "common_share",
    "metrics", "lift", "adjusted", "money"}}, "between", "best", "event_types", "segments", "sample_ratio", "checks",
    "verdict"}`. Every interval is for one look, each at `alpha`; `p_adjusted` is Holm's over the arms of one metric. A
    contrast is over the rows where both arms could have been drawn; `common_share` says which share of all rows (or of
    the segment's) that is, None where the log does not tell. `coverage_claimed` is false where a check failed. Raises
    ReadoutError where the log has no control.
    """
    settings, log = settings or Settings(), with_propensities(log)
    control = _control(log)
    sight = Sight.of(log, control, metrics_of(log))
    tally = map_merge(engine or Threads(), partial(tally_part, sight=sight), log.parts(), add)
    contrasting = Contrasting(sight, tally, log.spec.objective.margin, _bounds(log), log.zero_or_one, _dearest(log))
    ratio = mismatch(log, tally)
    checks = [ratio.as_check(), *_propensity_check(log), *allocation(log, tally)]
    work = _Work(log, control, sight, contrasting, settings, doubts(checks))
    document = {
        "log": {"name": log.spec.name, "arms": list(log.keys)},
        "n": tally.n,
        "control": log.keys[control],
        "objective": sight.metrics[0],
        "coverage_claimed": not work.doubt,
        "notes": notes(log, sight, tally),
        "arms": work.arms(),
        "between": work.between(),
        "best": work.best(),
        "event_types": work.event_types(),
        "segments": work.segments(),
        "sample_ratio": ratio.as_dict(),
        "checks": [check.as_dict() for check in checks],
        "verdict": work.verdict(checks).as_dict(),
    }
    return ReadoutResult(document)


def metrics_of(log: Log) -> tuple[str, ...]:
    """The objective, then every other outcome, then money where it is known."""
    money = [name for name in ("reward_cost", "contact_cost") if any(getattr(arm, name) for arm in log.arms)]
    money += [NET_VALUE] if "revenue" in log.spec.outcomes else []
    return tuple(dict.fromkeys((log.spec.objective.maximise, *log.spec.outcomes, *money)))


def _bounds(log: Log) -> dict[str, tuple[float, float]]:
    """Between which numbers a metric is known to lie, where it is."""
    objective, dearest = log.spec.objective, _dearest(log)
    known = dict.fromkeys(log.zero_or_one, (0.0, 1.0)) | ({objective.maximise: log.range} if log.range else {})
    if "revenue" in known and dearest is not None and objective.margin >= 0:
        low, high = known["revenue"]
        known.setdefault(NET_VALUE, (objective.margin * low - dearest, objective.margin * high))
    return known


def _dearest(log: Log) -> float | None:
    """The most that a decision can cost; None where costs are a column of the log."""
    if {"reward_cost", "contact_cost"} & set(log.spec.outcomes):
        return None
    return max(arm.reward_cost + arm.contact_cost for arm in log.arms)


def _control(log: Log) -> int:
    if not log.spec.control:
        raise ReadoutError("the spec names no control arm: set log.control to the arm that all others compare with")
    return log.keys.index(log.spec.control)


def _propensity_check(log: Log) -> list[CheckResult]:
    if not log.spec.propensity.estimate:
        return []
    detail = "probabilities were estimated from the log: what else drove the choice cannot be ruled out"
    return [CheckResult("propensity", "failed", None, detail)]


@dataclass(frozen=True)
class _Work:
    log: Log
    control: int
    sight: Sight
    contrasting: Contrasting
    settings: Settings
    doubt: str

    @property
    def treated(self) -> dict[str, Pair]:
        """Arm → its pair with the control."""
        return {key: ((arm,), (self.control,)) for arm, key in enumerate(self.log.keys) if arm != self.control}

    def arms(self) -> dict[str, Any]:
        """Means of every arm and the lifts of all but the control."""
        lifts = {metric: self._lifts(metric) for metric in self.sight.metrics} if self.treated else {}
        documents = {}
        for arm, key in enumerate(self.log.keys):
            metrics = {metric: self._mean(arm, metric) for metric in self.sight.metrics}
            share, most = self.contrasting.share(arm, self.control)
            documents[key] = {
                "n": int(self.contrasting.tally.counts[arm]),
                "over": over(key, self.log.keys[self.control], share, most),
                "common_share": share,
                "metrics": metrics,
            }
            if key in self.treated:
                documents[key]["lift"] = {metric: lift[key] for metric, lift in lifts.items()}
                documents[key] |= self._adjusted(key)
            amounts = self.contrasting.money(arm, self.control, self.settings.alpha)
            documents[key] |= {"money": amounts.as_dict()} if amounts else {}
        return documents

    def between(self) -> dict[str, Any]:
        """The objective between treated arms, p-values adjusted together."""
        pairs = [pair for pair in self.sight.pairs if pair[1] != (self.control,)]
        names = [" - ".join(self.log.keys[group[0]] for group in pair) for pair in pairs]
        return _with_adjusted({name: self._contrast(pair, WHOLE) for name, pair in zip(names, pairs, strict=True)})

    def best(self) -> dict[str, Any]:
        """Each arm's posterior chance of having the best objective, and its expected loss.

        {} for weighted logs, and with one arm, which has nobody to be better than.
        """
        if not (self.sight.simple and self.treated):
            return {}
        samples = {key: self.contrasting.sample((arm,), self.sight.metrics[0]) for arm, key in enumerate(self.log.keys)}
        posteriors = {key: posterior for key, sample in samples.items() if (posterior := posterior_of(sample))}
        found = best_of(posteriors) if len(posteriors) == len(samples) else {}
        return {key: {"probability": chance, "expected_loss": loss} for key, (chance, loss) in found.items()}

    def event_types(self) -> dict[str, Any]:
        """The objective of all arms of an event type together, as they were drawn."""
        pairs = {name: (group, (self.control,)) for name, group in self.sight.types.items()}
        return _with_adjusted({name: self._contrast(pair, WHOLE) for name, pair in pairs.items()})

    def segments(self) -> dict[str, Any]:
        """By column: each segment's lifts of the objective, and whether segments differ at all."""
        found: dict[str, Any] = {}
        for name, values in self._segment_values().items():
            lifts = {
                value: {key: self._contrast(pair, (name, value)) for key, pair in self.treated.items()}
                for value in values
            }
            found[name] = {
                "differ": {key: _differ({value: lifts[value][key] for value in values}) for key in self.treated},
                "lift": {value: _with_adjusted(contrasts) for value, contrasts in lifts.items()},
            }
        return found

    def verdict(self, checks: list[CheckResult]) -> Verdict:
        """On the objective, the arms sharing alpha."""
        alpha = share_of_alpha(self.settings.alpha, len(self.treated), 0)
        metric = self.sight.metrics[0]
        findings = [
            self._finding(key, self.contrasting.pair(pair, metric, alpha=alpha).contrast)
            for key, pair in self.treated.items()
        ]
        found = verdict(findings, checks=checks)
        found = undecided(findings, over="the log ends") if found.word == "keep running" else found
        why = width_told(findings, self.settings.alpha, running=False)
        return replace(found, reason=f"{found.reason}; {why}") if why and found.word != "don't trust" else found

    def _finding(self, key: str, contrast: Contrast) -> Finding:
        name = f"{key} against {self.log.keys[self.control]}, {self.sight.metrics[0]}"
        return Finding(name, contrast.absolute, worthwhile=self.settings.worthwhile, why=contrast.note)

    def _mean(self, arm: int, metric: str) -> dict[str, Any]:
        """With a note where bounds are missing or claim nothing."""
        found, why = self.contrasting.mean(arm, metric, self.control, self.settings.alpha)
        note = with_doubt(why, self.doubt if found.value is not None else "")
        return found.as_dict() | ({"note": note} if note else {})

    def _lifts(self, metric: str) -> dict[str, Any]:
        pair = partial(self._pair, metric=metric)
        return _with_adjusted({key: pair(arms) for key, arms in self.treated.items()})

    def _adjusted(self, key: str) -> dict[str, Any]:
        metric = self.sight.metrics[0]
        found = self.contrasting.adjusted(self.treated[key], metric, self.settings.alpha)
        return {"adjusted": {metric: doubted(found, self.doubt).as_dict()}} if found else {}

    def _contrast(self, pair: Pair, segment: Segment) -> Shown:
        return self._pair(pair, self.sight.metrics[0], segment)

    def _pair(self, pair: Pair, metric: str, segment: Segment = WHOLE) -> Shown:
        found = self.contrasting.pair(pair, metric, segment, self.settings.alpha)
        return replace(found, contrast=doubted(found.contrast, self.doubt))

    def _segment_values(self) -> dict[str, list[str]]:
        seen = self.contrasting.tally.rows
        return {name: sorted(value for column, value in seen if column == name) for name in self.log.spec.segments}


def _differ(lifts: Mapping[str, Shown]) -> dict[str, Any]:
    """Cochran's test over the segments that have the events (and people) it needs, and which were left out."""
    effects = {value: shown.effect for value, shown in lifts.items() if shown.effect is not None}
    left_out = [value for value in lifts if value not in effects]
    return heterogeneity(effects).as_dict() | {"left_out": left_out}


def _with_adjusted(shown: Mapping[str, Shown]) -> dict[str, Any]:
    p_values = {name: each.contrast.p_value for name, each in shown.items()}
    adjusted = holm({name: p for name, p in p_values.items() if p is not None})
    return {name: each.as_dict() | {"p_adjusted": adjusted.get(name)} for name, each in shown.items()}
