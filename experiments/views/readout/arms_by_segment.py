"""Segment by arm: adjusted values, and which differ from the control arm once all comparisons are counted together."""

from typing import Any

from sqlalchemy import Engine

from experiments.errors import Fault, InvalidError
from experiments.model.access.principal import Principal, require
from experiments.model.designing.definition import Definition
from experiments.store.core.engine import reading
from experiments.store.designing.experiments import find
from experiments.views.readout.arm_stacks import stacks_by_segment
from experiments.views.readout.arms import control_arm, mean_of, method_of
from experiments.views.readout.described import described
from offline_eval.ab.adaptive import ARM_CONTRASTS
from offline_eval.ab.multiplicity import ADJUSTMENTS

Document = dict[str, Any]


def arms_by_segment(
    engine: Engine,
    principal: Principal,
    key: str,
    metric: str | None = None,
    adjustment: str = "benjamini_hochberg",
) -> Document:
    """`{metric, metrics, unit, control, adjustment, segments: {S: {A: {adjusted, p_value, p_adjusted}}}, note}`.

    From the decisions of adaptive variants, valid although the policy moved them and at any look. `p_adjusted` counts
    every arm of every segment as compared together. `metric`: the objective where it is left out. `note`: which
    revisions do not count in a capped metric.

    Raises ForbiddenError, NotFoundError, InvalidError.
    """
    require(principal, "read")
    if adjustment not in ADJUSTMENTS:
        raise InvalidError([Fault("", f"query parameter adjustment: must be one of {', '.join(ADJUSTMENTS)}")])
    with reading(engine) as session:
        row = find(session, key)
        stacks = stacks_by_segment(session.connection(), row)
    definition = Definition.model_validate(row.definition)
    chosen = metric or definition.objective.maximise
    metrics = list(next(iter(stacks.values())).metrics) if stacks else []
    if stacks and chosen not in metrics:
        raise InvalidError([Fault("", f"query parameter metric: must be one of {', '.join(metrics)}")])
    contrast = ARM_CONTRASTS[method_of("auto")]
    documents: dict[str, dict[str, Document]] = {}
    compared: dict[str, float] = {}
    control = ""
    for name, one in stacks.items():
        control, stack, limits = control_arm(definition, one.arms), one.of(chosen), one.limits.get(chosen)
        means = {arm: mean_of(stack, arm, method_of("auto"), limits) for arm in one.arms}
        documents[name] = {arm: {"adjusted": mean.absolute.as_dict()} for arm, mean in means.items()}
        for arm in one.arms:
            found = None if arm == control else contrast(stack, arm, control, 0.05, limits).p_value
            documents[name][arm] |= {"p_value": found, "p_adjusted": None}
            if found is not None:
                compared[f"{name}\0{arm}"] = found
    for place, value in ADJUSTMENTS[adjustment](compared).items():
        name, _, arm = place.rpartition("\0")
        documents[name][arm]["p_adjusted"] = value
    return {
        "experiment": key,
        "metric": chosen,
        "metrics": metrics,
        "unit": described(definition, [chosen]).get(chosen, {}).get("unit", "count"),
        "control": control,
        "adjustment": adjustment,
        "segments": documents,
        "note": next((told for one in stacks.values() if (told := one.left_out(chosen))), ""),
    }
