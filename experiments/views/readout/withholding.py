"""Why a number of an experiment has no interval, in the experiment's own words."""

from typing import Any

from experiments.model.kinds import CAPPED_METRICS
from experiments.views.bounds import Bounds
from offline_eval.ab.bucketed import Linearised, linearised_mean, withheld
from offline_eval.ab.limits import REMEDY

Face = dict[str, Any]

TWINS = CAPPED_METRICS | {"roi": "capped_net_value", "incremental_roi": "capped.incremental_roi"}
"""Metric or ratio → what says the same of revenue up to the cap."""

STATE_A_CAP = "state cap_revenue, which opens a new revision, and {} will have bounds there"


def worded(note: str, metric: str, bounds: Bounds) -> str:
    """The note with what is to be done about it in this experiment: of a metric without a capped twin, nothing."""
    twin = TWINS.get(metric)
    if twin is None:
        return note.replace(f"; {REMEDY}", "")
    return note.replace(REMEDY, f"read {twin}" if bounds.caps else STATE_A_CAP.format(twin))


def noted(face: Face, metric: str, bounds: Bounds) -> Face:
    """The JSON form of a contrast or ratio, its note in the experiment's words."""
    return {**face, "note": worded(face["note"], metric, bounds)} if face.get("note") else face


def mean_face(group: Linearised, metric: str, bounds: Bounds) -> Face:
    """A group's own mean; beside bounds that are missing, `note` says why."""
    face: Face = linearised_mean(group).as_dict()
    if face["lower"] is not None:
        return face
    return face | {"note": worded(withheld(group), metric, bounds)}
