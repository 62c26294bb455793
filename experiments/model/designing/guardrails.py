"""What guardrails and stop rules watch: which variants and arms against which control, and how alpha is shared."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from bandit.rounds import NOTHING
from experiments.model.designing.definition import Definition, GuardrailDefinition, StopDefinition
from experiments.model.designing.kinds import METRIC_FACTS
from offline_eval.estimate import Estimate

ALPHA = 0.05
"""How often all guardrails of an experiment together may trip where there is no harm, in its whole life."""

PAUSED = "paused"
"""The policy that records name while a variant is paused; also the kind of the adjustment, whose `arm` is the key."""


class Watch(NamedTuple):
    """One guardrail on one variant or arm (`subject`) against `versus`."""

    place: int
    guardrail: GuardrailDefinition
    subject: str
    versus: str

    @property
    def name(self) -> str:
        """What alerts about it are called."""
        return f"guardrail:{self.guardrail.metric}:{self.guardrail.on}:{self.subject}"

    @property
    def sign(self) -> float:
        """1 where more of the metric is better, -1 where less is."""
        return direction(self.guardrail)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a watch stands.

    Attributes:
        status: `too few`, `within`, `breached` or `paused` (by a breach; not judged until it is resumed).
        estimate: the difference (or the relative one) with an interval that holds at every look; higher better or not
            as the metric is.
        since: the revision from which decisions count as evidence.
        exact_p_value: of the exact test of few events, valid at every look; None where it may not judge.
    """

    watch: Watch
    status: str
    estimate: Estimate | None
    since: int
    exact_p_value: float | None = None

    @property
    def sentence(self) -> str:
        """For people."""
        rule, estimate = self.watch.guardrail, self.estimate
        who = f"{rule.metric} of {rule.on} {self.watch.subject} against {self.watch.versus}"
        if estimate is None or estimate.value is None:
            return f"{who}: {self.status}"
        unit = " (relative)" if rule.relative else ""
        bounds = "" if estimate.lower is None else f", {estimate.lower:+.4g} to {estimate.upper:+.4g}"
        exact = "" if self.exact_p_value is None else f"; exact test of few events: p = {self.exact_p_value:.2g}"
        return f"{who}: {estimate.value:+.4g}{bounds}{unit}; at most {rule.worst:g} worse is put up with{exact}"

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        rule, watch = self.watch.guardrail, self.watch
        shown = {"metric": rule.metric, "on": rule.on, "subject": watch.subject, "versus": watch.versus}
        limit = {"worst": rule.worst, "relative": rule.relative, "action": rule.action}
        estimate = None if self.estimate is None else self.estimate.as_dict()
        found = {"estimate": estimate, "exact_p_value": self.exact_p_value, "since_revision": self.since}
        return shown | limit | {"status": self.status, **found}


@dataclass(frozen=True, slots=True)
class Assessment:
    """How all watches and stop rules of an experiment stood at one version of it.

    Attributes:
        met: stop rule → why it is met.
        alerts: names of the experiment's alerts that are not resolved.
    """

    experiment_id: int
    key: str
    version: int
    standings: tuple[Standing, ...]
    stop: StopDefinition | None
    met: dict[str, str]
    alerts: frozenset[str]


def watches(definition: Definition) -> list[Watch]:
    """Every guardrail on every variant or arm that is not its control."""
    found = []
    for place, rule in enumerate(definition.guardrails):
        versus = versus_of(definition, rule)
        if versus is None:
            continue
        subjects = definition.variants if rule.on == "variant" else definition.arms
        found += [Watch(place, rule, each.key, versus) for each in subjects if each.key != versus]
    return found


def versus_of(definition: Definition, rule: GuardrailDefinition) -> str | None:
    """What a guardrail compares with; None where nothing can be the control."""
    if rule.versus is not None:
        return rule.versus
    return control_variant(definition) if rule.on == "variant" else control_arm(definition)


def control_variant(definition: Definition) -> str | None:
    """The control where it is a variant, else the first variant that is fixed on `nothing`."""
    if definition.control in {variant.key for variant in definition.variants}:
        return definition.control
    holdouts = (variant.key for variant in definition.variants if fixed_arm(definition, variant.key) == NOTHING)
    return next(holdouts, None)


def control_arm(definition: Definition) -> str | None:
    """The control where it is an arm, else the arm `nothing` where it is listed."""
    arms = {arm.key for arm in definition.arms}
    if definition.control in arms:
        return definition.control
    return NOTHING if NOTHING in arms else None


def fixed_arm(definition: Definition, variant: str | None) -> str | None:
    """The one arm of a variant that gives everybody the same; None of others."""
    return next((each.policy.sole_arm for each in definition.variants if each.key == variant), None)


def fallback_arm(definition: Definition) -> str:
    """What the units of a paused variant get: what the control gets where that is one arm, else nothing."""
    return fixed_arm(definition, control_variant(definition)) or NOTHING


def treated_variant(definition: Definition, versus: str | None) -> str | None:
    """The variant that stop rules are about where they name none: the first that is not the control."""
    return next((variant.key for variant in definition.variants if variant.key != versus), None)


def direction(rule: GuardrailDefinition) -> float:
    """1 where more is better, -1 where less is."""
    if rule.better is not None:
        return 1.0 if rule.better == "higher" else -1.0
    return direction_of(rule.metric)


def direction_of(metric: str) -> float:
    """1 where more of a metric is better, -1 where less is; of own metrics more is."""
    known = METRIC_FACTS.get(metric)
    return -1.0 if known is not None and known.better == "lower" else 1.0


def is_breached(watch: Watch, estimate: Estimate) -> bool:
    """Whether the whole interval is worse than what is put up with."""
    nearest = estimate.upper if watch.sign > 0 else estimate.lower
    return nearest is not None and watch.sign * nearest < -watch.guardrail.worst
