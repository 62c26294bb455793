"""How an experiment's exported log is to be read: the log specs for replays and for lift, as TOML documents, parsed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bandit.policies.rules import Rules
from experiments.metrics import MetricPlan, limits_of, metric_names
from experiments.metrics.money import AT_ONCE, KIND_OF
from experiments.model.designing.controls import control_of
from experiments.model.designing.definition import ArmDefinition, Definition
from experiments.model.designing.guardrails import fixed_arm
from experiments.model.designing.kinds import CAPPED_METRICS

OBJECTIVE = "objective"


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the experiment's own names lie: column → name. They give way to the log's own columns."""

    numeric: Mapping[str, str]
    categorical: Mapping[str, str]
    metrics: Mapping[str, str]
    shadows: Mapping[str, str]


def replay_spec(newest_first: Sequence[Definition], columns: Columns) -> dict[str, Any]:
    """Arms with their costs, logged propensities, shadows, and the marketer's rules where a variant plays them.

    What a decision cost is in the logged metrics, with every override in force then; an arm's costs say what it is.
    """
    newest = newest_first[0]
    arms = {arm.key: arm for definition in reversed(newest_first) for arm in definition.arms_with_nothing}
    control = newest.control if newest.control in arms else fixed_arm(newest, control_of(newest))
    log: dict[str, Any] = {"name": newest.key, "unit": "unit_id", "time": "decided_at", "arm": "arm"}
    log |= {"control": control} if control in arms else {}
    log |= {"eligible": "eligible", "pmf": "pmf", "propensity": {"column": "propensity"}}
    spec = _shared(newest_first, columns) | {"log": log, "arms": [_arm(arm, newest) for arm in arms.values()]}
    if rules := _rules(newest, set(arms)):
        spec["rules"] = rules
    if columns.shadows:
        spec["shadow"] = {name: column for column, name in columns.shadows.items()}
    return spec


def lift_spec(newest_first: Sequence[Definition], columns: Columns) -> dict[str, Any]:
    """Variants as arms, drawn with the shares that each revision shows; a unit's decisions of one instant are slots."""
    newest = newest_first[0]
    variants = {variant.key for definition in newest_first for variant in definition.variants}
    log = {
        "name": f"{newest.key}, variants",
        "unit": "unit_id",
        "time": "decided_at",
        "position": "draw",
        "arm": "variant",
        "control": control_of(newest),
        "propensity": {"within": ["revision"]},
    }
    return _shared(newest_first, columns) | {"log": log, "arms": [{"value": key} for key in sorted(variants)]}


def judged_metric(definitions: Sequence[Definition]) -> str:
    """What verdicts are about: the newest objective, in money capped where all of these revisions have a cap."""
    wanted = definitions[0].objective.maximise
    capped = all(definition.cap_revenue is not None for definition in definitions)
    return CAPPED_METRICS.get(wanted, wanted) if capped else wanted


def _shared(newest_first: Sequence[Definition], columns: Columns) -> dict[str, Any]:
    newest = newest_first[0]
    spec: dict[str, Any] = {
        "log": {},
        "context": {"numeric": list(columns.numeric), "categorical": list(columns.categorical)},
        "outcomes": {OBJECTIVE: "reward", **{name: column for column, name in columns.metrics.items()}},
        "objective": _objective(newest_first),
    }
    return spec | ({"segments": {"by": ["segment"]}} if newest.segments.by else {})


def _objective(newest_first: Sequence[Definition]) -> dict[str, Any]:
    newest, judged = newest_first[0], judged_metric(newest_first)
    if judged in CAPPED_METRICS.values():
        limits = limits_of(newest_first)[judged]
        return {"maximise": judged, "margin": newest.objective.margin, "range": list(limits)}
    metric = MetricPlan(newest).events.get(newest.objective.maximise)
    shares = metric is not None and metric.aggregate == "any"
    objective: dict[str, Any] = {"maximise": OBJECTIVE, "margin": newest.objective.margin}
    return objective | ({"range": [0.0, 1.0]} if shares else {})


def _arm(arm: ArmDefinition, definition: Definition) -> dict[str, Any]:
    described: dict[str, Any] = {"value": arm.key, "reward_amount": arm.reward_amount}
    described |= {"event_type": arm.event_type} if arm.event_type else {}
    described |= {"reward_kind": arm.reward_kind} if arm.reward_kind else {}
    described |= {"contact_cost": arm.contact_cost} if arm.contact_cost else {}
    due_on = KIND_OF.get(arm.cost_on, arm.cost_on)
    # A cost that falls due on an event without a metric cannot be described; the logged metrics hold it all the same.
    if arm.reward_cost and due_on in (AT_ONCE, *metric_names(definition)):
        described |= {"reward_cost": arm.reward_cost, "cost_on": due_on}
    attributes = {name: value for name, value in arm.attributes.items() if value is not None}
    return described | ({"attributes": attributes} if attributes else {})


def _rules(definition: Definition, arms: set[str]) -> dict[str, Any]:
    """The first variant's table whose policy is `rules`; {} where there is none."""
    for variant in definition.variants:
        params = variant.policy.params
        if issubclass(variant.policy.kind, Rules):
            table = params.get("rules", params.get("list", []))
            default = params.get("default", "nothing")
            return {"default": default, "list": list(table)} if default in arms else {}
    return {}
