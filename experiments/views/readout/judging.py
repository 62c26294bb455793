"""The verdict: of the whole experiment, whatever part of it a readout shows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from experiments.model.designing.definition import Definition
from experiments.model.designing.guardrails import Watch, direction, watches
from experiments.model.designing.kinds import Unit
from experiments.model.tables.core import Experiment
from experiments.model.times import DAY, duration_micros, to_micros
from experiments.views.readout.bounds import NO_BOUNDS, Bounds
from experiments.views.readout.group import Group
from experiments.views.readout.losing import Document, cost_told, gain, gain_told, losing_arms, loss
from experiments.views.readout.pace import NO_PACE, Pace
from experiments.views.readout.withholding import worded
from offline_eval.ab.bucketed_contrast import Look, ahead_of, linearised_contrast
from offline_eval.ab.bucketed_pair import Paired
from offline_eval.ab.checks.check import CheckResult
from offline_eval.ab.contrast import Contrast
from offline_eval.ab.level import width_told
from offline_eval.ab.standing import Pair, Standing, among_all, pairs_of, standing
from offline_eval.ab.verdict import Finding, Gain, Loss, Verdict, share_of_alpha, undecided, verdict
from offline_eval.estimate import Estimate

ALPHA = 0.05
UNKNOWN = Estimate(None, None, None, 0, 0.0, "none")
OVER = frozenset({"stopped", "archived"})
_TOLD: dict[Unit, str] = {"share": "points", "count": "", "money": "", "seconds": "seconds"}
"""What differences of means are told in, money aside: that has its currency."""


class Guarded(NamedTuple):
    """What the circuit breaker has done to variants.

    Attributes:
        since: variant → the revision from which on its guardrails judge, where a person resumed it.
        later: that revision → groups by variant, of its decisions and later ones.
        paused: variant → why a guardrail has paused it.
    """

    since: Mapping[str, int] = {}
    later: Mapping[int, Mapping[str, Group]] = {}
    paused: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Judging:
    """What a verdict rests on: groups by variant and by arm, prepared for the objective and guarded metrics.

    Attributes:
        worthwhile: least difference of the objective worth having.
        guarded: what the circuit breaker has done; guardrails judge the decisions that it judges.
        bounds: what is known of money beforehand; revenue and net value are judged up to the cap.
        pace: decisions a day as of late.
    """

    row: Experiment
    definition: Definition
    control: str
    variants: Mapping[str, Group]
    worthwhile: float = 0.0
    guarded: Guarded = field(default_factory=Guarded)
    bounds: Bounds = NO_BOUNDS
    pace: Pace = NO_PACE

    @property
    def level(self) -> float:
        """The share of alpha of each finding: every pair of variants, and every guardrail."""
        return share_of_alpha(ALPHA, len(self._pairs), len(self._watches))

    @property
    def look(self) -> Look:
        """At any time, unless the experiment ended on the day that was planned."""
        return Look(not ended_as_planned(self.row, self.definition), self.level)

    def verdict(self, checks: Sequence[CheckResult], as_of: int | None, still_open: int) -> Verdict:
        """See `offline_eval.ab.verdict`; `still_open` decisions have not matured."""
        primaries = [self._primary(key) for key in self._treated]
        per_day = self._per_day(primaries, as_of)
        found = verdict(primaries, self.guardrails(), checks, per_day)
        if found.word == "don't trust":
            return found
        if found.word == "keep running" and self.row.status in OVER:
            found = undecided(primaries, per_day, still_open)
        days = self._days(as_of)
        stand = self.standing()
        found = among_all(found, stand, self.control, None if self.row.status in OVER else days)
        losing, gaining = self._losing(stand), self._gaining(stand)
        if found.word == "ship" and (why := self._contradiction(stand)):
            gaining, reason = None, f"{found.reason}; {why}"
            found = replace(found, word="keep running", reason=reason, best=None)
        earned = [gain_told(gaining, self._told_in)] if gaining and found.word in ("ship", "keep running") else []
        told = [*earned, *(cost_told(one, self._told_in) for one in losing)]
        width = width_told([*primaries, *self.guardrails()], ALPHA, running=self.look.running)
        reason = "; ".join([found.reason, *told, *self._of_days(told), *self._broken(), *([width] if width else [])])
        return replace(found, reason=reason, gaining=gaining, losing=losing)

    def with_arms(self, found: Verdict, arms: Mapping[str, Document]) -> Verdict:
        """The verdict with the arms that lose, from the arms' documents of an always-valid readout of all decisions."""
        if found.word == "don't trust":
            return found
        losing = tuple(losing_arms(arms, self.metric, self.pace))
        costs = [cost_told(one, self._told_in) for one in losing]
        of_days = () if self.pace.told in found.reason else self._of_days(costs)
        return replace(found, reason="; ".join([found.reason, *costs, *of_days]), losing=(*found.losing, *losing))

    def standing(self) -> Standing:
        """Every pair of variants, the control among them, at the verdict's level."""
        estimates = {pair: self._contrast(self.variants, pair, self.metric).absolute for pair in self._pairs}
        return standing(estimates, [*self._treated, self.control], self._finding(self.metric, UNKNOWN))

    def _contradiction(self, stand: Standing) -> str:
        """Why nothing is shipped although it is better up to the cap: with nothing left out it is worse for certain."""
        plain, leading = self.definition.objective.maximise, stand.leading
        if plain == self.metric or leading in (None, self.control):
            return ""
        whole = self._contrast(self.variants, (str(leading), self.control), plain).absolute
        if whole.upper is None or whole.upper >= 0:
            return ""
        name, less = plain.replace("_", " "), f"{-(whole.value or 0.0):.4g} {self._unit_of(plain)}"
        bounds = f"{whole.lower:.4g} to {whole.upper:.4g}"
        return (
            f"but with nothing left out, {name} is below {self.control}'s by {less} ({bounds}): "
            "amounts above the cap decide, or refunds below zero, which count as nothing up to the cap; look at them"
        )

    def _gaining(self, stand: Standing) -> Gain | None:
        """What the leading variant earns beyond the control, where that is certain."""
        leading, ahead = str(stand.leading), (stand.behind or {}).get(self.control)
        if ahead is None or not ahead.higher_is_better:
            return None
        return gain(leading, self.control, ahead.estimate, self.pace.variants.get(leading))

    def _losing(self, stand: Standing) -> tuple[Loss, ...]:
        """Treated variants behind the leading one; what a control costs is the price of knowing."""
        behind = {key: one for key, one in (stand.behind or {}).items() if key != self.control}
        per_day = self.pace.variants
        return tuple(loss(key, str(stand.leading), one.estimate, per_day.get(key)) for key, one in behind.items())

    def _of_days(self, told: Sequence[str]) -> tuple[str, ...]:
        """Which days amounts a day are of, where one is told."""
        return (self.pace.told,) if any(" a day" in one for one in told) else ()

    @property
    def metric(self) -> str:
        """What is judged."""
        return self.bounds.judged(self.definition.objective.maximise)

    @property
    def _pairs(self) -> list[Pair]:
        return pairs_of([*self._treated, *([self.control] if self.control in self.variants else [])])

    @property
    def _unit(self) -> str:
        return self._unit_of(self.metric)

    def _unit_of(self, metric: str) -> str:
        """What a difference of means is told in."""
        unit = self.definition.facts_of(metric).unit
        return f"{self.definition.currency} a decision" if unit == "money" else _TOLD[unit]

    @property
    def _told_in(self) -> str:
        """Points of a share, the currency of an amount, or nothing."""
        is_money = self.definition.facts_of(self.metric).unit == "money"
        return self.definition.currency if is_money else self._unit

    def _finding(self, name: str, estimate: Estimate) -> Finding:
        return Finding(name, estimate, not self.definition.facts_of(self.metric).is_cost, self.worthwhile, self._unit)

    @property
    def _treated(self) -> list[str]:
        keys = [variant.key for variant in self.definition.variants]
        return [key for key in keys if key != self.control and key in self.variants]

    @property
    def _watches(self) -> list[Watch]:
        watched = watches(self.definition)
        return [one for one in watched if one.guardrail.on == "variant" and one.subject in self.variants]

    def _broken(self) -> Iterator[str]:
        """What the circuit breaker has done to the verdict's evidence."""
        watched = {watch.subject for watch in self._watches}
        for key in sorted(watched & self.guarded.paused.keys()):
            yield f"{key} is paused by its guardrail: {self.guarded.paused[key]}"
        for key in sorted(watched & self.guarded.since.keys()):
            first = self.guarded.since[key]
            yield f"guardrails on {key}, which was resumed, judge decisions since revision {first}"

    def _contrast(self, groups: Mapping[str, Group], pair: tuple[str, str], metric: str) -> Contrast:
        treated, control = (groups[key].linearised(metric) for key in pair)
        return linearised_contrast(treated, control, self.look)

    def _primary(self, key: str) -> Finding:
        contrast = self._contrast(self.variants, (key, self.control), self.metric)
        pair = Paired.of(*(self.variants[one].linearised(self.metric) for one in (key, self.control)))
        found = self._finding(f"{key} against {self.control}, {self.metric}", contrast.absolute)
        return replace(found, ahead=ahead_of(pair, self.look), why=worded(contrast.note, self.metric, self.bounds))

    def guardrails(self) -> list[Finding]:
        """How each guardrail on a variant stands: over the decisions that monitoring judges, at the verdict's level."""
        return [self._guardrail(one) for one in self._watches if one.versus in self.variants]

    def _guardrail(self, watch: Watch) -> Finding:
        rule, first = watch.guardrail, self.guarded.since.get(watch.subject)
        groups = self.variants if first is None else self.guarded.later[first]
        metric = self.bounds.judged(rule.metric)
        found = self._contrast(groups, (watch.subject, watch.versus), metric)
        estimate = found.relative if rule.relative else found.absolute
        name = f"{watch.subject} against {watch.versus}, {metric}{' (relative)' if rule.relative else ''}"
        unit = "%" if rule.relative else self._unit_of(metric)
        return Finding(name, estimate, direction(rule) > 0, rule.worst, unit)

    def _per_day(self, primaries: Sequence[Finding], as_of: int | None) -> float | None:
        """Effective units a day, over the time in which they could mature: totals tell it without reading hours."""
        days = self._days(as_of)
        units = max((finding.estimate.effective_n for finding in primaries), default=0.0)
        return units / days if days and units else None

    def _days(self, as_of: int | None) -> float | None:
        """How long decisions have been made that could mature by now."""
        if as_of is None or self.row.started_at is None:
            return None
        last = as_of - duration_micros(self.definition.attribution_window + self.definition.grace)
        if self.row.status in OVER and self.row.stopped_at is not None:
            last = min(last, self.row.stopped_at)
        days = (last - self.row.started_at) / DAY
        return days if days > 1 / 24 else None


def ended_as_planned(row: Experiment, definition: Definition) -> bool:
    """Whether nobody's look at the numbers can have ended it: a look at a planned end is one look."""
    ends_at = definition.ends_at
    if ends_at is None or row.stopped_at is None or row.status not in OVER:
        return False
    return row.stopped_at >= to_micros(ends_at)
