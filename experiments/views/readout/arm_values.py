"""What arms are worth in one metric: for lists of campaigns, where a whole readout of each would take too long."""

from typing import Any

from sqlalchemy import Engine

from experiments.errors import Fault, InvalidError
from experiments.model.access.principal import Principal, require
from experiments.model.designing.definition import Definition
from experiments.store.core.engine import reading
from experiments.store.designing.experiments import find
from experiments.store.designing.revisions import definitions_of
from experiments.views.readout.arm_stacks import arm_stacks
from experiments.views.readout.arms import mean_of, method_of
from experiments.views.readout.bounds import Bounds, caps_of
from experiments.views.readout.builder import method_of as method_by_state
from experiments.views.readout.question import WHOLE
from experiments.views.readout.withholding import worded
from offline_eval.ab.adaptive import ArmContrast

Document = dict[str, Any]


def arm_values(engine: Engine, principal: Principal, key: str, metric: str | None = None) -> Document:
    """`{experiment, metric, arms: {arm: adjusted}, note}`, as a readout's `adjusted`: of arms that a policy draws.

    `effective_n` of an estimate counts the decisions in which the arm was drawn. `metric`: the objective where it is
    left out; an arm's `note`: why it has no bounds; `note`: which revisions do not count in a capped one.

    Raises ForbiddenError, NotFoundError, InvalidError where arms are not contrasted in the metric.
    """
    require(principal, "read")
    with reading(engine) as session:
        row = find(session, key)
        definition = Definition.model_validate(row.definition)
        chosen = metric or definition.objective.maximise
        stacks = arm_stacks(session.connection(), row, only=chosen)
        caps = caps_of(definitions_of(session.connection(), int(row.id or 0)))
    found: Document = {"experiment": key, "metric": chosen, "arms": {}, "note": ""}
    if stacks is None:
        return found
    if chosen not in stacks.metrics:
        raise InvalidError([Fault("", f"query parameter metric: arms are not contrasted in {chosen!r}")])
    method, stack, limits = method_of(method_by_state(row, WHOLE)), stacks.of(chosen), stacks.limits.get(chosen)
    means = {arm: mean_of(stack, arm, method, limits) for arm in stacks.arms}
    values = {arm: _document(mean, worded(mean.note, chosen, Bounds(caps))) for arm, mean in means.items()}
    return found | {"arms": values, "note": stacks.left_out(chosen)}


def _document(mean: ArmContrast, why: str) -> Document:
    document: Document = mean.absolute.as_dict()
    return document if document["lower"] is not None or not why else {**document, "note": why}
