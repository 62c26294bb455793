"""A plan from a document: what `winback plan` reads as TOML and the service takes as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bandit.policies import build
from bandit.rounds import Arm, FeatureSpec, PolicySpec
from offline_eval.logs.tables import Faults, Section
from offline_eval.planning.audience import Audience, AudienceSegment
from offline_eval.planning.bandit import Campaign, plan_bandit
from offline_eval.planning.errors import PlanError
from offline_eval.planning.fixed import FixedPlan, FixedTest, plan_fixed
from offline_eval.planning.metrics import METRICS, PlannedMetric

FIELDS = {
    "proportion": ("base",),
    "mean": ("base", "deviation"),
    "ratio": ("base", "denominator", "deviation", "denominator_deviation", "correlation"),
    "cuped": ("base", "deviation", "correlation"),
    "capped": ("base", "deviation", "cap"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A plan that was read and makes sense."""

    test: FixedTest | None
    bandit: tuple[Audience, Campaign, list[PolicySpec]] | None

    @property
    def rounds(self) -> int:
        """Decisions that have to be simulated."""
        if self.bandit is None:
            return 0
        _, campaign, policies = self.bandit
        return campaign.per_day * campaign.days * campaign.replications * len(policies)

    def made(self) -> dict[str, Any]:
        """`{"fixed": PLAN}`, `{"bandit": [PLAN]}` or both. Raises PlanError."""
        answer: dict[str, Any] = {}
        if self.test:
            answer["fixed"] = _fixed(self.test).as_dict()
        if self.bandit:
            answer["bandit"] = [found.as_dict() for found in plan_bandit(*self.bandit)]
        return answer


def _fixed(test: FixedTest) -> FixedPlan:
    """The test's faults are at places of the document."""
    try:
        return plan_fixed(test)
    except PlanError as error:
        placed = {at if at.startswith("/metric") else f"/test{at}": fault for at, fault in error.faults.items()}
        raise PlanError(placed) from error


def plan(document: Mapping[str, Any]) -> dict[str, Any]:
    """`{"fixed": PLAN}` for a document with `[metric]` and `[test]`, `{"bandit": [PLAN]}` for one with `[bandit]`.

    Raises PlanError naming every fault, and PolicySpecError.
    """
    return read_plan(document).made()


def read_plan(document: Mapping[str, Any]) -> Asked:
    """What `plan` would make, without making it. Raises PlanError naming every fault, and PolicySpecError."""
    faults: Faults = {}
    root = Section("", document, faults)
    test = _test(root) if "metric" in root.data or "test" in root.data else None
    bandit = _bandit(root) if "bandit" in root.data else None
    root.close()
    if test is None and bandit is None:
        root.fault("", "needs [metric] and [test], or [bandit]")
    if faults:
        raise PlanError(faults)
    if bandit:
        audience, campaign, policies = bandit
        audience.check()
        for policy in policies:
            build(policy, campaign.features)
    return Asked(test, bandit)


def _test(root: Section) -> FixedTest:
    metric, section = _metric(root.section("metric")), root.section("test")
    relative = section.number("relative_effect", 0.0)
    effect = section.number("effect", relative * metric.base)
    audience, per_day = section.number("audience", 0.0), section.number("per_day", 0.0)
    found = FixedTest(
        metric,
        effect,
        section.number("power", 0.8),
        section.number("alpha", 0.05),
        int(section.number("arms", 1)),
        section.number("treated_share", 0.5),
        int(audience) if audience else None,
        per_day or None,
        section.flag("peeking"),
    )
    if not effect:
        section.fault("effect", "is missing: the difference to be found, or relative_effect")
    section.close()
    return found


def _metric(section: Section) -> PlannedMetric:
    kind = section.text("kind", "proportion")
    if kind not in METRICS:
        section.fault("kind", f"must be one of {', '.join(METRICS)}, not '{kind}'")
        kind = "proportion"
    for name in FIELDS[kind]:
        if name not in section.data:
            section.fault(name, "is missing")
    values = {name: section.number(name, 0.5) for name in FIELDS[kind]}
    section.close()
    return METRICS[kind](**values)


def _bandit(root: Section) -> tuple[Audience, Campaign, list[PolicySpec]]:
    arms = tuple(_arm(section) for section in root.sections("arms"))
    section = root.section("bandit")
    segments = tuple(_segment(part) for part in section.sections("segments"))
    context: dict[str, Any] = {name: value for segment in segments for name, value in segment.context.items()}
    features = FeatureSpec(
        tuple(name for name, value in context.items() if not isinstance(value, str)),
        tuple(name for name, value in context.items() if isinstance(value, str)),
    )
    campaign = Campaign(
        int(section.number("per_day", 1000)),
        int(section.number("days", 30)),
        int(section.number("delay", 1)),
        int(section.number("replications", 20)),
        features,
    )
    policies = section.texts("policies") or ("uniform", "squarecb")
    floor = section.number("floor", 0.02)
    audience = Audience(segments, arms, section.number("value", 1.0))
    if min(campaign.per_day, campaign.days, campaign.delay, campaign.replications) < 1:
        section.fault("", "per_day, days, delay and replications are at least 1")
    section.close()
    return audience, campaign, [PolicySpec(name, None if name == "uniform" else floor) for name in policies]


def _arm(section: Section) -> Arm:
    arm = Arm(
        section.text("key", required=True),
        event_type=section.text("event_type") or None,
        reward_amount=section.number("reward_amount", 0.0),
        reward_cost=section.number("reward_cost", 0.0),
        cost_on=section.text("cost_on", "decision"),
        contact_cost=section.number("contact_cost", 0.0),
    )
    section.close()
    return arm


def _segment(section: Section) -> AudienceSegment:
    rates, context = section.section("rates"), section.section("context")
    found = AudienceSegment(
        section.text("name", required=True),
        section.number("share", 1.0),
        {name: context.get(name) for name in context.data},
        {arm: rates.number(arm, 0.0) for arm in rates.data},
    )
    section.close()
    return found
