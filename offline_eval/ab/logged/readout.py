"""Every arm of a log against the control."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial, reduce
from operator import add
from typing import Any

from offline_eval.ab.checks.check import CheckResult
from offline_eval.ab.choosing import comparison_for
from offline_eval.ab.contrast import Contrast
from offline_eval.ab.errors import ReadoutError
from offline_eval.ab.heterogeneity import Effect, heterogeneity
from offline_eval.ab.logged.contrasting import Contrasting
from offline_eval.ab.logged.gathering import WHOLE, Segment, Sight, tally_part
from offline_eval.ab.logged.mismatch import mismatch
from offline_eval.ab.multiplicity import holm
from offline_eval.ab.posterior import best_of, posterior_of
from offline_eval.ab.verdict import Finding, Verdict, share_of_alpha, undecided, verdict
from offline_eval.engine import Engine, Threads, map_merge
from offline_eval.logs.log import Log
from offline_eval.logs.spec import NET_VALUE
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

    `{"log", "n", "control", "objective", "arms": {ARM: {"n", "metrics", "lift", "adjusted", "money"}}, "between",
    "best", "event_types", "segments", "sample_ratio", "checks", "verdict"}`. Every interval is for one look, each at
    `alpha`; `p_adjusted` is Holm's over the arms of one metric. Raises ReadoutError where the log has no control.
    """
    settings = settings or Settings()
    control = _control(log)
    sight = Sight.of(log, control, metrics_of(log))
    tally = map_merge(engine or Threads(), partial(tally_part, sight=sight), log.parts(), add)
    work = _Work(log, control, sight, Contrasting(sight, tally, log.spec.objective.margin), settings)
    ratio = mismatch(log, tally)
    checks = [ratio.as_check(), *_propensity_check(log)]
    document = {
        "log": {"name": log.spec.name, "arms": list(log.keys)},
        "n": tally.n,
        "control": log.keys[control],
        "objective": sight.metrics[0],
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

    @property
    def treated(self) -> dict[str, tuple[int, int]]:
        """Arm → its pair with the control."""
        return {key: (arm, self.control) for arm, key in enumerate(self.log.keys) if arm != self.control}

    def arms(self) -> dict[str, Any]:
        """Means of every arm and the lifts of all but the control."""
        lifts = {metric: self._lifts(metric) for metric in self.sight.metrics} if self.treated else {}
        documents = {}
        for arm, key in enumerate(self.log.keys):
            mean = partial(self.contrasting.mean, arm, control=self.control, alpha=self.settings.alpha)
            metrics = {metric: mean(metric).as_dict() for metric in self.sight.metrics}
            documents[key] = {"n": int(self.contrasting.tally.counts[arm]), "metrics": metrics}
            if key in self.treated:
                documents[key]["lift"] = {metric: lift[key] for metric, lift in lifts.items()}
                documents[key] |= self._adjusted(key)
            amounts = self.contrasting.money(arm, self.control, self.settings.alpha)
            documents[key] |= {"money": amounts.as_dict()} if amounts else {}
        return documents

    def between(self) -> dict[str, Any]:
        """The objective between treated arms, p-values adjusted together."""
        pairs = [pair for pair in self.sight.pairs if pair[1] != self.control]
        named = {f"{self.log.keys[b]} - {self.log.keys[a]}": self._contrast((b, a), WHOLE) for b, a in pairs}
        return _with_adjusted(named)

    def best(self) -> dict[str, Any]:
        """Each arm's posterior chance of having the best objective, and its expected loss; {} for weighted logs."""
        if not self.sight.simple:
            return {}
        samples = {key: self.contrasting.sample(arm, self.sight.metrics[0]) for arm, key in enumerate(self.log.keys)}
        posteriors = {key: posterior for key, sample in samples.items() if (posterior := posterior_of(sample))}
        found = best_of(posteriors) if len(posteriors) == len(samples) else {}
        return {key: {"probability": chance, "expected_loss": loss} for key, (chance, loss) in found.items()}

    def event_types(self) -> dict[str, Any]:
        """The objective of all arms of an event type together, as they were drawn; {} for weighted logs."""
        types: dict[str, list[int]] = {}
        for arm, described in enumerate(self.log.arms):
            if described.event_type and arm != self.control:
                types.setdefault(described.event_type, []).append(arm)
        if not self.sight.simple:
            return {}
        return _with_adjusted({name: self._together(arms) for name, arms in types.items()})

    def _together(self, arms: list[int]) -> Contrast:
        metric = self.sight.metrics[0]
        treated = reduce(add, [self.contrasting.sample(arm, metric) for arm in arms])
        control = self.contrasting.sample(self.control, metric)
        comparison = comparison_for(treated, control, running=False, alpha=self.settings.alpha)
        return comparison.compare(treated, control)

    def segments(self) -> dict[str, Any]:
        """By column: each segment's lifts of the objective, and whether segments differ at all."""
        found: dict[str, Any] = {}
        for name, values in self._segment_values().items():
            lifts = {
                value: {key: self._contrast(pair, (name, value)) for key, pair in self.treated.items()}
                for value in values
            }
            tests = {
                key: heterogeneity({v: e for v in values if (e := effect_of(lifts[v][key]))}) for key in self.treated
            }
            found[name] = {
                "differ": {key: test.as_dict() for key, test in tests.items()},
                "lift": {value: _with_adjusted(contrasts) for value, contrasts in lifts.items()},
            }
        return found

    def verdict(self, checks: list[CheckResult]) -> Verdict:
        """On the objective, the arms sharing alpha."""
        alpha = share_of_alpha(self.settings.alpha, len(self.treated), 0)
        metric = self.sight.metrics[0]
        findings = [
            Finding(
                f"{key} against {self.log.keys[self.control]}, {metric}",
                self.contrasting.pair(pair, metric, alpha=alpha).absolute,
                worthwhile=self.settings.worthwhile,
            )
            for key, pair in self.treated.items()
        ]
        found = verdict(findings, checks=checks)
        return undecided(findings, over="the log ends") if found.word == "keep running" else found

    def _lifts(self, metric: str) -> dict[str, Any]:
        pair = partial(self.contrasting.pair, metric=metric, alpha=self.settings.alpha)
        return _with_adjusted({key: pair(arms) for key, arms in self.treated.items()})

    def _adjusted(self, key: str) -> dict[str, Any]:
        metric = self.sight.metrics[0]
        found = self.contrasting.adjusted(self.treated[key], metric, self.settings.alpha)
        return {"adjusted": {metric: found.as_dict()}} if found else {}

    def _differ(self, lifts: Mapping[str, Mapping[str, Contrast]], key: str) -> dict[str, Any]:
        effects = {value: effect_of(contrasts[key]) for value, contrasts in lifts.items()}
        return heterogeneity({value: effect for value, effect in effects.items() if effect}).as_dict()

    def _contrast(self, pair: tuple[int, int], segment: Segment) -> Contrast:
        return self.contrasting.pair(pair, self.sight.metrics[0], segment, self.settings.alpha)

    def _segment_values(self) -> dict[str, list[str]]:
        tally = self.contrasting.tally
        seen: set[Segment] = {key[0] for key in tally.samples} | {key[0] for key in tally.moments}
        return {name: sorted(value for column, value in seen if column == name) for name in self.log.spec.segments}


def effect_of(contrast: Contrast) -> Effect | None:
    """Value and variance read back from a contrast; None without bounds."""
    e = contrast.absolute
    if e.value is None or e.lower is None or e.upper is None:
        return None
    # 1.96: the bounds' own critical value is within a per cent of it in a segment worth testing.
    return Effect(e.value, ((e.upper - e.lower) / 3.92) ** 2)


def _with_adjusted(contrasts: Mapping[str, Contrast]) -> dict[str, Any]:
    adjusted = holm({name: c.p_value for name, c in contrasts.items() if c.p_value is not None})
    return {name: c.as_dict() | {"p_adjusted": adjusted.get(name)} for name, c in contrasts.items()}
