"""Money by variant, and what each earned beyond the control."""

from collections.abc import Mapping
from typing import Any

from experiments.model.rollups import DECISIONS
from experiments.views.readout.comparing import Named
from experiments.views.readout.group import Group
from offline_eval.ab.bucketed import Linearised
from offline_eval.ab.bucketed_contrast import Look
from offline_eval.ab.bucketed_money import AMOUNTS, REENGAGED, bucketed_money, incremental

Face = dict[str, Any]

NEEDED = (*AMOUNTS, REENGAGED, "roi")
"""Metrics that a group must be prepared for."""


def money_of(groups: Mapping[str, Group], control: str, lifts: Named, look: Look) -> dict[str, Face]:
    """Variant → its amounts, ROI and, beside the control, incremental amounts, ROI and cost per re-engagement."""
    return {key: _face(group, groups.get(control), lifts.get(key), look) for key, group in groups.items()}


def _face(group: Group, control: Group | None, lift: Any, look: Look) -> Face:
    totals = {name: group.total(name) for name in AMOUNTS}
    against = None if lift is None or control is None else _linearised(control)
    found = bucketed_money(totals, _linearised(group), against, lift or {}, look)
    face: Face = {**found.totals, "roi": found.roi.as_dict()}
    if found.incremental_roi is None or found.cost_per_incremental is None:
        return face
    decisions = group.count(DECISIONS)
    return face | {
        "incremental": {name: incremental(one, decisions) for name, one in found.lift.items()},
        "incremental_roi": found.incremental_roi.as_dict(),
        "cost_per_incremental": found.cost_per_incremental.as_dict(),
    }


def _linearised(group: Group) -> dict[str, Linearised]:
    return {name: group.linearised(name) for name in NEEDED}
