"""The readout of an experiment, from the totals tier alone: what API, pages and reports show.

Only matured decisions are in numerators and denominators. Variants are read on intention to treat: voided decisions
stay. Arms are read over delivered decisions. Forced decisions and rejected rows of a replay are in neither.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, text

from experiments.metrics import RATIOS, metric_names
from experiments.model.definition import Definition
from experiments.model.principal import Principal, require
from experiments.model.rollups import ARM_UNITS, DECISIONS, FORCED, UNITS
from experiments.model.tables import Experiment
from experiments.model.times import now, to_rfc3339
from experiments.store.engine import reading
from experiments.store.experiments import find
from experiments.store.joining import MATURED, cursor_of
from experiments.store.rollups import read_totals
from experiments.views.readout_groups import Group, Groups
from offline_eval.ab.bucketed import bucketed_mean

NOT_JUDGED = {
    "word": "not judged yet",
    "reason": "this readout describes; it compares nothing and runs no checks, so it cannot say whether to ship",
}
_OPEN = """
SELECT count(*) FROM decisions d LEFT JOIN voids v ON v.decision_id = d.id
WHERE d.experiment_id = :id AND d.matures_at >= :through AND (d.matures_at > :through OR d.id > :through_id)
AND d.mode <> 'forced' AND coalesce(v.reason, '') <> 'replay_rejected'
"""
Face = dict[str, Any]


def readout(engine: Engine, principal: Principal, key: str, segment: str | None = None) -> Face:
    """The readout, of everyone or of one segment. Raises ForbiddenError, NotFoundError."""
    require(principal, "read")
    with reading(engine) as session:
        row = find(session, key)
        connection = session.connection()
        groups = Groups(read_totals(connection, int(row.id or 0)), segment)
        still_open = _open(connection, int(row.id or 0)) if segment is None else None
    return _face(row, groups, still_open)


def _open(connection: Connection, number: int) -> int:
    """Decisions whose window has not closed, or that the joiner has not reached."""
    reached = cursor_of(connection, number, MATURED)
    found: int = connection.execute(text(_OPEN), {"id": number, **reached._asdict()}).scalar_one()
    return found


def _face(row: Experiment, groups: Groups, still_open: int | None) -> Face:
    definition = Definition.model_validate(row.definition)
    metrics = shown_metrics(definition, groups)
    as_of = row.clock_now if definition.clock == "caller" else now()
    variants = {key: groups.of(variant=key) for key in groups.keys("variant", definition.variants)}
    arms = {key: groups.of(arm=key, voided=0) for key in groups.keys("arm", definition.arms)}
    return {
        "experiment": row.key,
        "revision": row.revision,
        "as_of": None if as_of is None else to_rfc3339(as_of),
        "segment": groups.segment,
        "verdict": NOT_JUDGED,
        "checks": [],
        "counts": _counts(groups, still_open),
        "variants": {key: _variant(group, metrics) for key, group in variants.items()},
        "arms": {key: _arm(group, metrics) for key, group in arms.items()},
        "segments": groups.segments(),
        "money": {"currency": definition.currency, **{key: _money(group) for key, group in variants.items()}},
    }


def shown_metrics(definition: Definition, groups: Groups) -> list[str]:
    """The objective, the experiment's own metrics, and every other that was ever not zero."""
    always = {definition.objective.maximise, *(metric.name for metric in definition.metrics)}
    return [name for name in metric_names(definition) if name in always or name in groups.metrics]


def _counts(groups: Groups, still_open: int | None) -> Face:
    matured = groups.of().count(DECISIONS)
    return {
        "decisions": None if still_open is None else matured + still_open,
        "matured": matured,
        "open": still_open,
        "void": groups.of(voided=1).count(DECISIONS),
        "forced": groups.of().count(FORCED),
    }


def _variant(group: Group, metrics: Sequence[str]) -> Face:
    return {
        "units": group.count(UNITS),
        "decisions": group.count(DECISIONS),
        "metrics": _estimates(group, metrics, UNITS),
        "versus": {},
    }


def _arm(group: Group, metrics: Sequence[str]) -> Face:
    naive = _estimates(group, metrics, ARM_UNITS)
    return {
        "units": group.count(ARM_UNITS),
        "decisions": group.count(DECISIONS),
        "metrics": {name: {"naive": estimate} for name, estimate in naive.items()},
        "versus": {},
    }


def _estimates(group: Group, metrics: Sequence[str], units: str) -> Mapping[str, Face]:
    found = {name: bucketed_mean(group.bucketed((name,), (DECISIONS,), units)).as_dict() for name in metrics}
    for name, (over, under) in RATIOS.items():
        ratio = group.bucketed(over, under, units)
        if np.any(ratio.sizes):
            found[name] = bucketed_mean(ratio).as_dict()
    return found


def _money(group: Group) -> Face:
    return {name: group.total(name) for name in ("revenue", "reward_cost", "contact_cost", "net_value")}
